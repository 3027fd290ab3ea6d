// Bundled into dist/assets/charts.cjs: the renderer with the plugins that our charts use, registered on the Chart.js that it draws with.
const Chart = require('chart.js/auto')
const { MatrixController, MatrixElement } = require('chartjs-chart-matrix')
const { ChartJSNodeCanvas } = require('chartjs-node-canvas')

;(Chart.Chart ?? Chart).register(MatrixController, MatrixElement)
module.exports = { ChartJSNodeCanvas }

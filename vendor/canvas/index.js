'use strict'
// chartjs-node-canvas asks for `canvas`, which is compiled when it is installed. @napi-rs/canvas has ready-made binaries and a module that speaks
// node-canvas; only its SVG canvas gives its text under another name.
const compat = require('@napi-rs/canvas/node-canvas')

function createCanvas(width, height, type) {
  const made = compat.createCanvas(width, height, type)
  if (type === 'svg') made.toBuffer = () => made.getContent()
  return made
}

module.exports = { ...compat, createCanvas }

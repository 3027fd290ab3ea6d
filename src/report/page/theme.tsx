/** Light and dark: what the system asks for, unless the reader chose. */
import { createContext } from 'preact'
import { useContext, useEffect, useState } from 'preact/hooks'
import { DARK, LIGHT, type Theme } from '../charts/palette.ts'

export type Scheme = 'light' | 'dark'

export const SchemeContext = createContext<Scheme>('light')

export function useTheme(): Theme {
  return useContext(SchemeContext) === 'dark' ? DARK : LIGHT
}

/** The scheme, and how to change it. Paper is always light. */
export function useScheme(): [Scheme, (scheme: Scheme) => void] {
  const [system, setSystem] = useState<Scheme>('light')
  const [chosen, setChosen] = useState<Scheme | undefined>(undefined)
  const [printing, setPrinting] = useState(false)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const paper = matchMedia('print')
    const look = (): void => setSystem(query.matches ? 'dark' : 'light')
    const print = (): void => setPrinting(paper.matches)
    look()
    query.addEventListener('change', look)
    paper.addEventListener('change', print)
    return () => {
      query.removeEventListener('change', look)
      paper.removeEventListener('change', print)
    }
  }, [])
  const scheme = printing ? 'light' : (chosen ?? system)
  useEffect(() => {
    document.documentElement.dataset['scheme'] = scheme
  }, [scheme])
  return [scheme, setChosen]
}

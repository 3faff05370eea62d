/**
 * The part of React that `sser/react` uses. The package has no types of React among its own, so that React stays optional;
 * no declaration that the package publishes names any.
 */
declare module 'react' {
  export function useSyncExternalStore<T>(
    subscribe: (onChange: () => void) => () => void,
    getSnapshot: () => T,
    getServerSnapshot: () => T,
  ): T
  export function useEffect(effect: () => void): void
  export function useMemo<T>(create: () => T, dependencies: readonly unknown[]): T
  export function useRef<T>(value: T): { current: T }
}

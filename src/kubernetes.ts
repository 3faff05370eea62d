export type { KubeConfig } from './kubernetes/credentials.ts'
export type { KubernetesPeerFinderStatus } from './kubernetes/discovery.ts'
export { KubernetesPeerFinder } from './kubernetes/finder.ts'
export type { KubernetesPeerFinderOptions, PodsOptions, ServiceOptions } from './kubernetes/options.ts'

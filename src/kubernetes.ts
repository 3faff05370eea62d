export type { KubeConfig } from './discovery/kubernetes/credentials.ts'
export { KubernetesPeerFinder } from './discovery/kubernetes/finder.ts'
export type {
  KubernetesPeerFinderOptions,
  PodsOptions,
  ServiceOptions,
} from './discovery/kubernetes/options.ts'
export type { KubernetesPeerFinderStatus } from './discovery/kubernetes/peer-watch.ts'

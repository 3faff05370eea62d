export type { KubeConfig } from './discovery/kubernetes/credentials.ts'
export {
  KubernetesPeerFinder,
  type KubernetesPeerFinderOptions,
  type PodsOptions,
  type ServiceOptions,
} from './discovery/kubernetes/finder.ts'
export type { KubernetesPeerFinderStatus } from './discovery/kubernetes/peer-watch.ts'

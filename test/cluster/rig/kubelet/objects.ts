import type { ApiObject } from '../api.ts'

/** A Pod, as far as the kubelet reads it. */
export interface Pod extends ApiObject {
  metadata: ApiObject['metadata'] & { namespace: string }
  spec: {
    nodeName?: string
    serviceAccountName: string
    restartPolicy: 'Always' | 'OnFailure' | 'Never'
    terminationGracePeriodSeconds: number
    containers: ContainerSpec[]
    volumes?: Volume[]
  }
  status: PodStatus
}

export interface ContainerSpec {
  name: string
  image: string
  command?: string[]
  args?: string[]
  env?: { name: string; value?: string; valueFrom?: VariableSource }[]
  ports?: { name?: string; containerPort: number }[]
  volumeMounts?: { name: string; mountPath: string }[]
  startupProbe?: ProbeSpec
  livenessProbe?: ProbeSpec
  readinessProbe?: ProbeSpec
  lifecycle?: { preStop?: { sleep?: { seconds: number }; httpGet?: HttpGet } }
}

export interface VariableSource {
  fieldRef?: { fieldPath: string }
  secretKeyRef?: { name: string; key: string; optional?: boolean }
}

export interface HttpGet {
  path?: string
  port: number | string
}

/** A probe. Fields with a default are never missing, because the apiserver sets them. */
export interface ProbeSpec {
  httpGet?: HttpGet
  initialDelaySeconds?: number
  periodSeconds: number
  timeoutSeconds: number
  successThreshold: number
  failureThreshold: number
}

interface Volume {
  name: string
  emptyDir?: object
  projected?: { sources: ProjectedSource[] }
}

export interface ProjectedSource {
  serviceAccountToken?: { path: string; audience?: string; expirationSeconds: number }
  configMap?: { name: string; items: { key: string; path: string }[] }
  downwardAPI?: { items: { path: string; fieldRef: { fieldPath: string } }[] }
}

export interface Addresses {
  podIP?: string
  podIPs?: { ip: string }[]
  hostIP?: string
}

export interface PodStatus extends Addresses {
  phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed'
  conditions?: Condition[]
  containerStatuses?: ContainerStatus[]
}

export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  lastTransitionTime?: string
}

export interface ContainerStatus {
  name: string
  image: string
  imageID: string
  ready: boolean
  started: boolean
  restartCount: number
  state: ContainerState
}

export interface ContainerState {
  waiting?: { reason: string; message?: string }
  running?: { startedAt: string }
  terminated?: { exitCode: number; signal?: number; startedAt: string; finishedAt: string }
}

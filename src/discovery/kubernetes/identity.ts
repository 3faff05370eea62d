/** This Pod's metadata from the downward API; undefined where a variable is not set. */
export interface Identity {
  uid: string | undefined
  name: string | undefined
  /** One of its addresses. */
  address: string | undefined
}

/** Reads the environment as it is now. */
export function ownIdentity(): Identity {
  const { POD_UID, POD_NAME, POD_IP } = process.env
  return { uid: POD_UID || undefined, name: POD_NAME || undefined, address: POD_IP || undefined }
}

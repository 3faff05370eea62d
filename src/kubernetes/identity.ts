/** What the downward API says of this Pod; undefined where it says nothing. */
export interface Identity {
  uid: string | undefined
  name: string | undefined
  /** One of its addresses. */
  address: string | undefined
}

/** As the environment has it now. */
export function ownIdentity(): Identity {
  const { POD_UID, POD_NAME, POD_IP } = process.env
  return { uid: POD_UID || undefined, name: POD_NAME || undefined, address: POD_IP || undefined }
}

/** The token of a header `Authorization: Bearer …`; undefined without one. Pure. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}

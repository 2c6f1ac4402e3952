/** RFC 3339 with whole seconds, as all of Kubernetes' times. */
export function timestamp(instant: Date): string {
  return instant.toISOString().replace(/\.\d+Z$/, 'Z')
}

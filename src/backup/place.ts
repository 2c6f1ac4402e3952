/** `namespace/name`, by which objects of one type are told apart. */
export function placeOf({
  namespace = '',
  name,
}: {
  readonly namespace?: string | undefined
  readonly name: string
}): string {
  return `${namespace}/${name}`
}

const longest = 253
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/

/**
 * Says why `name` cannot be the name of an object such as a Backup (DNS-1123 subdomain); undefined means it can. The
 * answer continues a sentence: `backup name "A b" ${nameProblem('A b')}`.
 */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name.length > longest) return `has ${name.length} characters, ${longest} are allowed`
  const odd = /[^-a-z0-9.]/u.exec(name)?.[0]
  if (odd !== undefined) return `contains "${odd}": only lower-case letters, digits, "-" and "." are allowed`
  if (name.split('.').every((part) => label.test(part))) return undefined
  return 'must start and end with a letter or digit, on either side of every "." too'
}

import type { LabelSelector } from '#api/fields.ts'

/** Labels of an object; absent is the same as none. */
export type Labels = Readonly<Record<string, string>> | undefined

/** Reads kubectl's selector syntax (`a=b,c!=d` …) as far as a LabelSelector can say it. SelectionError 'bad-selector' otherwise. */
export function parseSelector(_text: string): LabelSelector {
  throw new Error('being written')
}

/** Whether an object with `labels` is selected; an empty selector selects everything. */
export function matchesSelector(_selector: LabelSelector, _labels: Labels): boolean {
  throw new Error('being written')
}

/** The selector in the syntax of the API server's `labelSelector` query, which is also kubectl's; empty for an empty selector. */
export function formatSelector(_selector: LabelSelector): string {
  throw new Error('being written')
}

/** What the API server would refuse in `selector`, one sentence each. */
export function selectorProblems(_selector: LabelSelector): string[] {
  throw new Error('being written')
}

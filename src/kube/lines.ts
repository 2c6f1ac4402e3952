const NEWLINE = 0x0a

/** The lines of a UTF-8 text that comes in pieces cut anywhere, without their ends; empty lines and an unfinished last line are left out. */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  let begun: Uint8Array[] = []
  for await (const piece of pieces) {
    let start = 0
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      begun.push(piece.subarray(start, end))
      const line = Buffer.concat(begun).toString('utf8')
      begun = []
      start = end + 1
      if (line.trim() !== '') yield line
    }
    if (start < piece.length) begun.push(piece.subarray(start))
  }
}

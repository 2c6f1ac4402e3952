import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'

/** A letter as the server got it. */
export interface Letter {
  readonly from: string
  readonly to: readonly string[]
  readonly data: string
  /** Who had logged in, as `name:password`; empty for nobody. */
  readonly user: string
  readonly encrypted: boolean
}

export interface SmtpOptions {
  /** With a certificate: STARTTLS is offered, or with `implicit` spoken from the start. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly implicit?: boolean } | undefined
  /** Nobody may send without logging in, by this mechanism. */
  readonly auth?: 'PLAIN' | 'LOGIN' | undefined
  /** Addresses that it does not know. */
  readonly unknown?: readonly string[]
  /** Says no to all letters for as long as it is true. */
  readonly isFull?: () => boolean
}

/** A mail server on 127.0.0.1 that keeps what it gets. */
export interface SmtpServer extends AsyncDisposable {
  readonly port: number
  readonly letters: readonly Letter[]
}

/** Starts it. Speaks as much of RFC 5321 as a client that submits mail may use, and is as strict about order as a real one. */
export async function smtpServer(options: SmtpOptions = {}): Promise<SmtpServer> {
  const letters: Letter[] = []
  const sockets = new Set<Socket>()
  const onSocket = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    serve(socket, { options, letters, encrypted: options.tls?.implicit === true })
    socket.write('220 test.invalid at your service\r\n')
  }
  const server =
    options.tls?.implicit === true ? createTlsServer({ ...options.tls }, onSocket) : createTcpServer(onSocket)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    letters,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Session {
  readonly options: SmtpOptions
  readonly letters: Letter[]
  readonly encrypted: boolean
}

function serve(socket: Socket, session: Session): void {
  const answer = conversation(socket, session)
  let rest = ''
  const onData = (chunk: Buffer): void => {
    rest += chunk.toString('latin1')
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 2)
      if (line === 'STARTTLS' && session.options.tls !== undefined && !session.encrypted) {
        socket.off('data', onData)
        socket.write('220 go on\r\n')
        const secure = new TLSSocket(socket, { isServer: true, ...session.options.tls })
        secure.on('error', () => undefined)
        serve(secure, { ...session, encrypted: true })
        return
      }
      for (const reply of answer(line)) socket.write(`${reply}\r\n`)
    }
  }
  socket.on('data', onData)
}

/** What is answered to one line after the other. */
function conversation(socket: Socket, { options, letters, encrypted }: Session): (line: string) => string[] {
  let [from, user] = ['', '']
  let to: string[] = []
  let data: string[] | undefined
  let login: string[] | undefined
  const plain = (text: string): string => Buffer.from(text, 'base64').toString()
  const loggedIn = (name: string): string[] => {
    user = name
    return ['235 welcome']
  }
  return (line) => {
    if (data !== undefined) {
      if (line !== '.') {
        data.push(line.replace(/^\./, ''))
        return []
      }
      const letter = { from, to, data: data.join('\r\n'), user, encrypted }
      data = undefined
      if (options.isFull?.() === true) return ['452 no room']
      letters.push(letter)
      return ['250 taken']
    }
    if (login !== undefined) {
      login.push(plain(line))
      if (login.length < 2) return ['334 UGFzc3dvcmQ6']
      const name = login.join(':')
      login = undefined
      return loggedIn(name)
    }
    const verb = line.slice(0, 4).toUpperCase()
    const rest = line.slice(5)
    const address = /<([^>]*)>/.exec(rest)?.[1] ?? ''
    switch (verb) {
      case 'EHLO': {
        const abilities = ['test.invalid', 'SIZE 1000000']
        if (options.tls !== undefined && !encrypted) abilities.push('STARTTLS')
        if (options.auth !== undefined && (encrypted || options.tls === undefined))
          abilities.push(`AUTH ${options.auth}`)
        return abilities.map((word, i) => `250${i === abilities.length - 1 ? ' ' : '-'}${word}`)
      }
      case 'AUTH':
        if (rest === 'LOGIN') {
          login = []
          return ['334 VXNlcm5hbWU6']
        }
        return loggedIn(
          plain(rest.replace(/^PLAIN /, ''))
            .split('\0')
            .slice(1)
            .join(':'),
        )
      case 'MAIL':
        if (options.auth !== undefined && user === '') return ['530 who are you?']
        from = address
        to = []
        return ['250 go on']
      case 'RCPT':
        if (options.unknown?.includes(address) === true) return [`550 no ${address} here`]
        to.push(address)
        return ['250 go on']
      case 'DATA':
        data = []
        return to.length === 0 ? ['554 to whom?'] : ['354 go on']
      case 'QUIT':
        socket.end('221 bye\r\n')
        return []
      default:
        return ['500 what?']
    }
  }
}

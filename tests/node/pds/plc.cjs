// A real PLC directory (@did-plc/server) on 127.0.0.1:PLC_PORT. Over PostgreSQL where PLC_DATABASE_URL names one;
// else in memory, and every DID is forgotten at exit. A line {"status": 429, "count": 2} on standard input makes it
// answer so to the next two operations instead of taking them.
require('./loopback.cjs')
const http = require('node:http')
const readline = require('node:readline')
const { PlcServer, Database } = require('@did-plc/server')

const refusals = []
const emit = http.Server.prototype.emit
http.Server.prototype.emit = function (event, request, response, ...rest) {
  if (event !== 'request' || request.method !== 'POST' || refusals.length === 0) return emit.call(this, event, request, response, ...rest)
  request.resume()
  response.writeHead(refusals.shift(), { 'content-type': 'application/json' })
  response.end(JSON.stringify({ message: 'Too Many Requests' }))
  return true
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { status, count } = JSON.parse(line)
  for (let n = 0; n < count; n++) refusals.push(status)
  console.log(`Refusing ${count}`)
})

async function start() {
  const url = process.env.PLC_DATABASE_URL
  const db = url ? Database.postgres({ url }) : Database.mock()
  if (url) await db.migrateToLatestOrThrow()
  const server = PlcServer.create({ db, port: Number(process.env.PLC_PORT), version: 'test' })
  await server.start()
  console.log('Listening')
}

start().catch((error) => {
  console.error(error)
  process.exit(1)
})

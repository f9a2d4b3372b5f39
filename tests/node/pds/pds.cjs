// A real PDS (@atproto/pds) on 127.0.0.1, set up by its own environment variables (PDS_PORT, PDS_DATA_DIRECTORY …).
require('./loopback.cjs')
const { mkdirSync } = require('node:fs')

async function start() {
  mkdirSync(process.env.PDS_DATA_DIRECTORY, { recursive: true })
  const { PDS, envToCfg, envToSecrets, readEnv } = await import('@atproto/pds')
  const environment = readEnv()
  const pds = await PDS.create(envToCfg(environment), envToSecrets(environment))
  await pds.start()
  console.log('Listening')
}

start().catch((error) => {
  console.error(error)
  process.exit(1)
})

// A stand-in for mongod on 127.0.0.1, for the tests, where no mongod can be installed. One JSON argument:
// { version: "3.6.0" | "4.0.0" | "5.0.0" | "6.0.0", replicaSet: boolean }. Standard output: one line { event: "listening", port }.
// The end of standard input ends it.
//
// It is written from MongoDB's documented rules (the manual's pages are named in each file), not from what our connector sends:
//   the wire protocol's OP_MSG, and OP_QUERY for the handshake; BSON types, their order and comparison; the query operators
//   $eq $ne $gt $gte $lt $lte $in $nin $exists $type $not $and $or $nor $expr with null, missing and array semantics; inserts, updates
//   ($set, $unset, replacement), deletes, findAndModify; cursors and batches; unique, sparse, partial and collated indexes (a collation is
//   ICU's, through Intl.Collator) with E11000 and the index conflicts 85 and 86 of 3.6 and of 5.0; createIndexes all or nothing;
//   aggregation through npm `mingo`; on a replica set (error 20 on a standalone) transactions (40415 before 4.0) and retryable writes, which a session
//   remembers by their latest txnNumber, statement by statement; 16 MB documents.
// It does not do: authentication, TLS, replication and elections, sharding, waiting on locks, query plans, other operators and
//   commands (each is refused with the server's error), journaling. What it proves is bounded by that; docs/connectors/mongodb.md says so.
//
// Faults: the command { standInFault: "insert", action, count, skip, code, labels, milliseconds } makes the next `count` (default 1) commands of
// that name on that database, after `skip`, misbehave. Actions: "dropBefore" and "dropAfter" close the connection without an answer, before or
// after the command is carried out; "error" answers code and labels without carrying it out; "writeConcern" carries it out and adds
// a writeConcernError; "slow" answers after a while. { standInCommands: 1 } answers the names of the database's commands so far.
// { standInUser: name, privileges: [{ resource, actions }] } makes connectionStatus, asked on that database, tell of such a user. It is told, not enforced.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { deserialize, onDemand, serialize } from "bson";
import { rawSortKey } from "./collection.mjs";
import { Server } from "./commands.mjs";
import { MongoError } from "./errors.mjs";

const options = JSON.parse(process.argv[2] ?? "{}");
const server = new Server({ version: options.version ?? "5.0.0", replicaSet: options.replicaSet ?? false });
const faults = new Map();
const seen = new Map();
const sessions = new Map();
let address;

const parse = (bytes) => deserialize(bytes, { promoteValues: false, promoteBuffers: false, bsonRegExp: true, validation: { utf8: false } });

// promoteValues: false leaves strings, booleans, null and dates as JavaScript's own, and every number as its BSON type: in documents these
// types matter, in the command's own fields they don't.
const scalar = (value) => (["Int32", "Double", "Long"].includes(value?._bsontype) ? Number(value) : value);

function setFault(command) {
  const { standInFault: name, action, count = 1, skip = 0, code = 0, labels = [], milliseconds = 0 } = command;
  faults.set(command.$db, { name, action, count, skip, code, labels, milliseconds });
  return { ok: 1 };
}

// Commits and aborts go to admin: the fault of the database that their transaction works on is meant.
function takeFault(command) {
  const session = command.lsid?.id?.toString("hex");
  if (command.startTransaction) sessions.set(session, command.$db);
  const fault = faults.get(command.$db === "admin" && sessions.has(session) ? sessions.get(session) : command.$db);
  if (fault?.name !== Object.keys(command)[0]) return undefined;
  if (fault.skip-- > 0) return undefined;
  if (fault.count-- <= 0) return undefined;
  return fault;
}

function run(command) {
  if (command.standInFault !== undefined) return setFault(command);
  if (command.standInUser !== undefined) {
    server.users.set(command.$db, { name: command.standInUser, privileges: command.privileges });
    return { ok: 1 };
  }
  if (command.standInCommands !== undefined) return { commands: seen.get(command.$db) ?? [], ok: 1 };
  try {
    return server.run(command, address);
  } catch (error) {
    if (!(error instanceof MongoError)) console.error(error);
    return error instanceof MongoError ? error.reply() : new MongoError(1, `the stand-in failed: ${error.stack}`).reply();
  }
}

// Undefined: the connection is closed without an answer.
function answer(command) {
  if (!command.standInFault && !command.standInCommands && !command.standInUser) seen.set(command.$db, [...(seen.get(command.$db) ?? []), Object.keys(command)[0]].slice(-1000));
  const fault = takeFault(command);
  switch (fault?.action) {
    case "dropBefore": return undefined;
    case "dropAfter": run(command); return undefined;
    case "error": return new MongoError(fault.code, `injected ${fault.code}`, fault.labels.length === 0 ? {} : { errorLabels: fault.labels }).reply();
    case "writeConcern": return { ...run(command), writeConcernError: { code: fault.code, errmsg: "injected" } };
    case "slow": return new Promise((resolve) => setTimeout(() => resolve(run(command)), fault.milliseconds));
    default: return run(command);
  }
}

function encode(reply) {
  const bytes = Buffer.from(serialize(reply));
  const placeholder = Buffer.from(rawSortKey);
  for (let at = bytes.indexOf(placeholder); at >= 0; at = bytes.indexOf(placeholder, at)) bytes.set([0xff, 0x80, 0x41], at);
  return bytes;
}

function message(requestId, opCode, ...parts) {
  const header = Buffer.alloc(16);
  header.writeInt32LE(16 + parts.reduce((sum, part) => sum + part.length, 0), 0);
  header.writeInt32LE(requestId, 8);
  header.writeInt32LE(opCode, 12);
  return Buffer.concat([header, ...parts]);
}

// The server refuses a command in which a field stands twice; reading BSON into an object would hide it.
function checkNames(bytes) {
  const names = onDemandNames(bytes);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new MongoError(40413, `BSON field '${twice}' is a duplicate field`);
}

const onDemandNames = (bytes) => onDemand.parseToElements(bytes).map(([, offset, length]) => bytes.toString("utf8", offset, offset + length));

function readMessage(body) {
  let at = 4;
  let command;
  const sequences = {};
  const end = body.length - (body.readUInt32LE(0) & 1 ? 4 : 0);
  while (at < end) {
    const kind = body[at++];
    const size = body.readInt32LE(at);
    if (kind === 0) {
      command = parse(body.subarray(at, at + size));
      checkNames(body.subarray(at, at + size));
    } else {
      const nameEnd = body.indexOf(0, at + 4);
      const documents = (sequences[body.toString("utf8", at + 4, nameEnd)] = []);
      for (let next = nameEnd + 1; next < at + size; next += body.readInt32LE(next)) documents.push(parse(body.subarray(next, next + body.readInt32LE(next))));
    }
    at += size;
  }
  return { ...Object.fromEntries(Object.entries(command).map(([name, value]) => [name, scalar(value)])), ...sequences };
}

function answerMessage(body) {
  try {
    return answer(readMessage(body));
  } catch (error) {
    if (error instanceof MongoError) return error.reply();
    throw error;
  }
}

async function handle(socket, bytes) {
  const requestId = bytes.readInt32LE(4);
  const body = bytes.subarray(16);
  if (bytes.readInt32LE(12) === 2004) {
    const query = body.subarray(body.indexOf(0, 4) + 1 + 8);
    const prefix = Buffer.alloc(20);
    prefix.writeInt32LE(8, 0);
    prefix.writeInt32LE(1, 16);
    const command = parse(query);
    socket.write(message(requestId, 1, prefix, encode(run({ ...(command.$query ?? command), $db: "admin" }))));
    return;
  }
  const reply = await answerMessage(body);
  if (reply === undefined) socket.destroy();
  else socket.write(message(requestId, 2013, Buffer.from([0, 0, 0, 0, 0]), encode(reply)));
}

const listener = createServer((socket) => {
  let chunks = [];
  let length = 0;
  let work = Promise.resolve();
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    while (length >= 4) {
      if (chunks[0].length < 4) chunks = [Buffer.concat(chunks)];
      const size = chunks[0].readInt32LE(0);
      if (length < size) return;
      const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      const request = all.subarray(0, size);
      chunks = [all.subarray(size)];
      length -= size;
      work = work.then(() => handle(socket, request)).catch((error) => {
        console.error(error);
        socket.destroy();
      });
    }
  });
});

listener.listen(0, "127.0.0.1", () => {
  address = `127.0.0.1:${listener.address().port}`;
  process.stdout.write(JSON.stringify({ event: "listening", port: listener.address().port }) + "\n");
});
createInterface({ input: process.stdin }).on("close", () => process.exit(0));

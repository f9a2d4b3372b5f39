// The commands: docs reference/command. One object of this class is one server.
import { calculateObjectSize, Long } from "bson";
import { aggregate } from "./aggregation.mjs";
import { Collection } from "./collection.mjs";
import { MongoError } from "./errors.mjs";
import { RetryableWrites } from "./retries.mjs";
import { Transactions } from "./transactions.mjs";
import { collationOf, compare, missing } from "./values.mjs";
import { valuesAt } from "./queries.mjs";

const maxDocument = 16 * 1024 * 1024;
const text = (value) => value?.toString();

export class Server {
  constructor({ version, replicaSet }) {
    this.version = version;
    this.replicaSet = replicaSet;
    this.modern = Number(version.split(".")[0]) >= 5;
    this.wireVersion = { 3: 6, 4: 7, 5: 13, 6: 17 }[version.split(".")[0]];
    this.databases = new Map();
    this.cursors = new Map();
    this.users = new Map();
    this.nextCursor = 1;
    this.transactions = new Transactions(this);
    this.retryable = new RetryableWrites(this);
  }

  run(command, address) {
    const name = Object.keys(command)[0];
    const handler = handlers[name];
    if (!handler) throw new MongoError(59, `no such command: '${name}'`);
    // A cursor belongs to the session that opened it: docs reference/command/getMore, reference/server-sessions.
    this.session = command.lsid?.id.toString("hex");
    if (command.readConcern?.level === "majority" && !this.replicaSet) throw new MongoError(123, "node needs to be a replica set member to use read concern");
    if (command.txnNumber === undefined) return handler(this, command, command.$db, address);
    // Without autocommit: false it is no transaction's command but a write that may be sent again.
    return (command.autocommit === false ? this.transactions : this.retryable).run(command, () => handler(this, command, command.$db, address));
  }

  database(name) {
    const databases = this.transactions.databases ?? this.databases;
    if (!databases.has(name)) databases.set(name, new Map());
    return databases.get(name);
  }

  collection(database, name, create) {
    const collections = this.database(database);
    if (!collections.has(name) && create) collections.set(name, new Collection(`${database}.${name}`, this));
    return collections.get(name);
  }

  // At most batchSize documents, and no reply over 16 MB.
  firstBatch(namespace, documents, batchSize = 101) {
    const cursor = { namespace, documents, position: 0, session: this.session };
    const batch = takeBatch(cursor, batchSize);
    return { cursor: { firstBatch: batch, id: Long.fromNumber(this.keep(cursor)), ns: namespace }, ok: 1 };
  }

  keep(cursor) {
    if (cursor.position >= cursor.documents.length) return 0;
    const id = this.nextCursor++;
    this.cursors.set(id, cursor);
    return id;
  }
}

function takeBatch(cursor, batchSize) {
  const batch = [];
  let size = 0;
  while (cursor.position < cursor.documents.length && batch.length < batchSize) {
    const next = cursor.documents[cursor.position];
    size += calculateObjectSize(next);
    if (batch.length > 0 && size > maxDocument) break;
    batch.push(next);
    cursor.position++;
  }
  return batch;
}

function hello(server, command, _, address) {
  const replica = server.replicaSet ? { setName: "rs0", hosts: [address], me: address, primary: address, setVersion: 1, secondary: false } : {};
  return {
    ...(text(Object.keys(command)[0]) === "hello" ? { isWritablePrimary: true } : { ismaster: true, helloOk: true }), ...replica,
    maxBsonObjectSize: maxDocument, maxMessageSizeBytes: 48000000, maxWriteBatchSize: 100000, localTime: new Date(), logicalSessionTimeoutMinutes: 30,
    connectionId: 1, minWireVersion: 0, maxWireVersion: server.wireVersion, readOnly: false, ok: 1,
  };
}

// docs reference/command/connectionStatus: the privileges are told only where they are asked for; without a user all three lists are empty.
function connectionStatus(server, { showPrivileges }, database) {
  const user = server.users.get(database);
  return {
    authInfo: {
      authenticatedUsers: user ? [{ user: user.name, db: "admin" }] : [],
      authenticatedUserRoles: user ? [{ role: user.name, db: "admin" }] : [],
      ...(showPrivileges ? { authenticatedUserPrivileges: user?.privileges ?? [] } : {}),
    },
    ok: 1,
  };
}

// An ordered write stops at the first error; each write error names its place. The counts of all statements are added up.
function writes(server, list, ordered, write) {
  const counts = { n: 0 };
  const writeErrors = [];
  for (const [index, one] of list.entries()) {
    try {
      for (const [name, count] of Object.entries(server.retryable.once(index, () => write(one)))) counts[name] = (counts[name] ?? 0) + count;
    } catch (error) {
      if (!(error instanceof MongoError) || error.code === 112) throw error;
      writeErrors.push({ index, code: error.code, errmsg: error.message, ...error.details });
      if (ordered !== false) break;
    }
  }
  return { ...counts, ...(writeErrors.length === 0 ? {} : { writeErrors }), ok: 1 };
}

function insert(server, command, database) {
  const collection = server.collection(database, command.insert, true);
  return writes(server, command.documents, command.ordered, (document) => {
    if (calculateObjectSize(document) > maxDocument) throw new MongoError(10334, "object to insert too large");
    const written = collection.insert(document);
    server.transactions.wrote(collection, written._id, undefined);
    return { n: 1 };
  });
}

function changed(document, update) {
  const names = Object.keys(update);
  if (!names[0]?.startsWith("$")) return { _id: document._id, ...update };
  const result = { ...document };
  for (const [operator, fields] of Object.entries(update)) {
    for (const [field, value] of Object.entries(fields)) {
      if (field.includes(".")) throw new MongoError(2, "this stand-in sets whole fields only");
      if (operator === "$set") result[field] = value;
      else if (operator === "$unset") delete result[field];
      else throw new MongoError(9, `Unknown modifier: ${operator}`);
    }
  }
  if (calculateObjectSize(result) > maxDocument) throw new MongoError(10334, "Resulting document after update is larger than 16777216");
  return result;
}

function update(server, command, database) {
  const collection = server.collection(database, command.update, true);
  return writes(server, command.updates, command.ordered, ({ q, u, multi, upsert, collation }) => {
    const counts = { n: 0, nModified: 0 };
    if (upsert) throw new MongoError(2, "this stand-in does not upsert");
    for (const document of collection.find(q, collation).slice(0, multi ? undefined : 1)) {
      const after = changed(document, u);
      collection.replace(document, after);
      server.transactions.wrote(collection, document._id, document);
      counts.n++;
      if (compare(document, after) !== 0) counts.nModified++;
    }
    return counts;
  });
}

function remove(server, command, database) {
  const collection = server.collection(database, command.delete, true);
  return writes(server, command.deletes, command.ordered, ({ q, limit, collation }) => {
    const found = collection.find(q, collation).slice(0, Number(limit) === 1 ? 1 : undefined);
    for (const document of found) {
      collection.remove(document);
      server.transactions.wrote(collection, document._id, document);
    }
    return { n: found.length };
  });
}

const findAndModify = (server, command, database) => server.retryable.once(0, () => foundAndModified(server, command, database));

function foundAndModified(server, command, database) {
  const collection = server.collection(database, command.findAndModify, true);
  const [document] = collection.find(command.query ?? {}, command.collation);
  if (document === undefined) return { value: null, lastErrorObject: { n: 0, updatedExisting: false }, ok: 1 };
  const after = command.remove ? null : changed(document, command.update);
  if (command.remove) collection.remove(document); else collection.replace(document, after);
  server.transactions.wrote(collection, document._id, document);
  return { value: command.new ? after : document, lastErrorObject: { n: 1, updatedExisting: !command.remove }, ok: 1 };
}

function sorted(documents, sort, collation) {
  const rules = collationOf(collation);
  const of = (document, field) => valuesAt(document, field)[0] ?? missing;
  return Object.entries(sort).reverse().reduce(
    (list, [field, direction]) => [...list].sort((a, b) => compare(of(a, field), of(b, field), rules) * Number(direction)), documents);
}

function projected(documents, projection) {
  const kept = Object.entries(projection).filter(([, wanted]) => Boolean(Number(wanted))).map(([field]) => field);
  if (kept.length === 0) return documents.map(({ _id, ...rest }) => rest);
  return documents.map((document) => Object.fromEntries(Object.entries(document).filter(([field]) => kept.includes(field) || (field === "_id" && projection._id === undefined))));
}

function find(server, command, database) {
  const collection = server.collection(database, command.find);
  let documents = collection?.find(command.filter ?? {}, command.collation) ?? [];
  if (command.sort) documents = sorted(documents, command.sort, command.collation);
  if (command.limit) documents = documents.slice(0, Number(command.limit));
  if (command.projection) documents = projected(documents, command.projection);
  const batchSize = command.singleBatch ? Infinity : command.batchSize && Number(command.batchSize);
  return server.firstBatch(`${database}.${command.find}`, documents, batchSize);
}

function getMore(server, command) {
  const id = Number(command.getMore);
  const cursor = server.cursors.get(id);
  if (!cursor) throw new MongoError(43, `cursor id ${id} not found`);
  if (cursor.session !== server.session) throw new MongoError(50738, `Cannot run getMore on cursor ${id}, which was created in session ${cursor.session}, in session ${server.session}`);
  const nextBatch = takeBatch(cursor, command.batchSize ? Number(command.batchSize) : Infinity);
  const done = cursor.position >= cursor.documents.length;
  if (done) server.cursors.delete(id);
  return { cursor: { nextBatch, id: Long.fromNumber(done ? 0 : id), ns: cursor.namespace }, ok: 1 };
}

function indexesOf(server, database, name) {
  const collection = server.collection(database, name);
  if (!collection) throw new MongoError(26, `ns does not exist: ${database}.${name}`);
  return collection;
}

const handlers = {
  hello, isMaster: hello, ismaster: hello, insert, update, delete: remove, findAndModify, find, getMore,
  ping: () => ({ ok: 1 }),
  buildInfo: (server) => ({ version: server.version, versionArray: server.version.split(".").map(Number), maxBsonObjectSize: maxDocument, ok: 1 }),
  endSessions: () => ({ ok: 1 }),
  connectionStatus,
  create: (server, command, database) => {
    if (server.collection(database, command.create)) throw new MongoError(48, `a collection '${database}.${command.create}' already exists`);
    server.collection(database, command.create, true).options = command.validator ? { validator: command.validator } : {};
    return { ok: 1 };
  },
  drop: (server, command, database) => {
    if (!server.database(database).delete(command.drop)) throw new MongoError(26, "ns not found");
    return { ok: 1 };
  },
  dropDatabase: (server, _, database) => {
    server.databases.delete(database);
    return { ok: 1 };
  },
  killCursors: (server, command) => {
    for (const id of command.cursors) server.cursors.delete(Number(id));
    return { cursorsKilled: command.cursors, ok: 1 };
  },
  aggregate: (server, command, database) => {
    const collection = server.collection(database, command.aggregate);
    const rows = aggregate([...(collection?.documents.values() ?? [])], command.pipeline, command.collation);
    return server.firstBatch(`${database}.${command.aggregate}`, rows, command.cursor?.batchSize && Number(command.cursor.batchSize));
  },
  createIndexes: (server, command, database) => {
    if (command.txnNumber !== undefined) throw new MongoError(263, "Cannot create indexes in a multi-document transaction.");
    return { ...server.collection(database, command.createIndexes, true).createIndexes(command.indexes), ok: 1 };
  },
  dropIndexes: (server, command, database) => {
    const collection = indexesOf(server, database, command.dropIndexes);
    const nIndexesWas = collection.indexes.length;
    collection.dropIndexes(command.index);
    return { nIndexesWas, ok: 1 };
  },
  listIndexes: (server, command, database) => {
    const { indexes } = indexesOf(server, database, command.listIndexes);
    return server.firstBatch(`${database}.$cmd.listIndexes.${command.listIndexes}`, indexes.map((index) => index.specification));
  },
  listCollections: (server, command, database) => {
    const all = [...server.database(database).entries()].map(([name, { options }]) => ({ name, type: "collection", options: options ?? {}, info: { readOnly: false } }));
    const wanted = command.filter?.name;
    return server.firstBatch(`${database}.$cmd.listCollections`, all.filter((one) => wanted === undefined || (wanted.$in ?? [wanted]).includes(one.name)));
  },
  commitTransaction: (server, command) => server.transactions.commit(command),
  abortTransaction: (server, command) => server.transactions.abort(command),
};

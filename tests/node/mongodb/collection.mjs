// One collection: its documents and its indexes. Unique indexes are enforced under their collation.
// docs: core/index-unique, core/index-partial, core/index-sparse, reference/method/db.collection.createIndex (collation, conflicts).
import { ObjectId } from "bson";
import { MongoError } from "./errors.mjs";
import { matches, valuesAt } from "./queries.mjs";
import { binaryCollation, collationOf, completed, compare, keyOf, missing, typeOf } from "./values.mjs";

// Bytes that are no UTF-8 in a reply: the server of 3.6 puts the collation's raw sort key into its message.
export const rawSortKey = "\uE000";

export class Collection {
  constructor(namespace, server) {
    this.namespace = namespace;
    this.server = server;
    this.documents = new Map();
    this.indexes = [{ specification: { v: 2, key: { _id: 1 }, name: "_id_" }, unique: true, keys: new Map() }];
  }

  copy() {
    const other = new Collection(this.namespace, this.server);
    other.documents = new Map(this.documents);
    other.indexes = this.indexes.map((index) => ({ ...index, keys: new Map(index.keys) }));
    return other;
  }

  insert(document) {
    const full = document._id === undefined ? { _id: new ObjectId(), ...document } : { _id: document._id, ...document };
    if (typeOf(full._id) === "array") throw new MongoError(2, "The '_id' value cannot be of type array");
    if (this.documents.has(keyOf(full._id))) throw this.duplicateKey(this.indexes[0], full);
    this.take(keyOf(full._id), full);
    this.documents.set(keyOf(full._id), full);
    return full;
  }

  remove(document) {
    for (const index of this.indexes) for (const key of entries(index, document)) if (index.keys.get(key) === keyOf(document._id)) index.keys.delete(key);
    this.documents.delete(keyOf(document._id));
  }

  replace(document, changed) {
    if (compare(document._id, changed._id ?? document._id) !== 0) throw new MongoError(66, "Performing an update on the path '_id' would modify the immutable field '_id'");
    const id = keyOf(document._id);
    for (const index of this.indexes) for (const key of entries(index, document)) index.keys.delete(key);
    try {
      this.take(id, changed);
    } catch (error) {
      this.take(id, document);
      throw error;
    }
    this.documents.set(id, changed);
  }

  // The documents that match; the _id index is used where the query names _id, so that tests with many stay quick.
  find(query, collation) {
    const rules = collationOf(collation);
    const found = [];
    for (const document of (rules === binaryCollation && this.byId(query)) || this.documents.values()) if (matches(document, query, rules)) found.push(document);
    return found;
  }

  byId(query) {
    const wanted = query._id;
    if (wanted === undefined || wanted === null) return undefined;
    const list = typeOf(wanted) === "object" ? (Object.keys(wanted).length === 1 && Array.isArray(wanted.$in) ? wanted.$in : undefined) : [wanted];
    return list && new Set(list.map((id) => this.documents.get(keyOf(id))).filter((document) => document !== undefined));
  }

  take(id, document) {
    const taken = [];
    for (const index of this.indexes) {
      for (const key of new Set(entries(index, document))) {
        if (index.unique && index.keys.has(key) && index.keys.get(key) !== id) {
          for (const [other, mine] of taken) other.keys.delete(mine);
          throw this.duplicateKey(index, document);
        }
        if (!index.keys.has(key)) taken.push([index, key]);
        index.keys.set(key, id);
      }
    }
  }

  duplicateKey(index, document) {
    const { name, key, collation } = index.specification;
    const keyValue = {};
    for (const field of Object.keys(key)) keyValue[field] = valuesAt(document, field).map((value) => (value === missing ? null : value))[0];
    const shown = Object.entries(keyValue).map(([field, value]) => `${this.server.modern ? `${field}: ` : ": "}${this.shown(value, collation)}`).join(", ");
    const told = this.server.modern && collation ? ` collation: ${JSON.stringify(collation)}` : "";
    return new MongoError(11000, `E11000 duplicate key error collection: ${this.namespace} index: ${name}${told} dup key: { ${shown} }`,
      this.server.modern ? { keyPattern: key, keyValue } : {});
  }

  shown(value, collation) {
    if (typeof value !== "string") return value === null ? "null" : String(value);
    if (!collation) return `"${value}"`;
    return this.server.modern ? `"0x${Buffer.from(value).toString("hex")}"` : `"${rawSortKey}${rawSortKey}"`;
  }

  // All or nothing: the conflicts of all are looked at before the first is built, and a duplicate takes away those already built.
  createIndexes(specifications) {
    const before = this.indexes.length;
    const wanted = specifications.map(normalised).filter((specification) => !this.existsAlready(specification));
    const built = [];
    try {
      for (const specification of wanted) {
        const index = { specification, unique: specification.unique === true, keys: new Map() };
        for (const [id, document] of this.documents) {
          for (const key of new Set(entries(index, document))) {
            if (index.unique && index.keys.has(key)) throw this.duplicateKey(index, document);
            index.keys.set(key, id);
          }
        }
        built.push(index);
        this.indexes.push(index);
      }
    } catch (error) {
      this.indexes = this.indexes.filter((index) => !built.includes(index));
      throw error;
    }
    return { numIndexesBefore: before, numIndexesAfter: this.indexes.length, ...(built.length === 0 ? { note: "all indexes already exist" } : {}) };
  }

  // The two columns of the table of index conflicts: 3.6 as it was seen, 5.0 and later from the server's source.
  existsAlready(wanted) {
    const modern = this.server.modern;
    const identity = modern
      ? (one) => JSON.stringify([one.key, one.collation, one.partialFilterExpression, one.unique === true, one.sparse === true])
      : (one) => JSON.stringify([one.key, one.collation]);
    const options = (one) => JSON.stringify([one.unique === true, one.sparse === true, one.partialFilterExpression, one.collation]);
    for (const { specification: existing } of this.indexes) {
      const sameKey = JSON.stringify(existing.key) === JSON.stringify(wanted.key);
      if (existing.name === wanted.name) {
        if (!sameKey) throw new MongoError(86, `An existing index has the same name as the requested index. Requested index: ${wanted.name}`);
        if (options(existing) === options(wanted)) return true;
        throw new MongoError(modern ? 86 : 85, `Index with name: ${wanted.name} already exists with different options`);
      }
      if (identity(existing) === identity(wanted)) {
        if (!modern && options(existing) === options(wanted)) return true;
        throw new MongoError(85, `Index already exists with a different name: ${existing.name}`);
      }
    }
    return false;
  }

  // docs reference/command/dropIndexes: "*" for all but that of _id, a name, several names, or the key of one.
  dropIndexes(wanted) {
    const all = this.indexes.map((index) => index.specification);
    const dropped = wanted === "*" ? all.filter(({ name }) => name !== "_id_").map(({ name }) => name)
      : typeOf(wanted) === "object" ? all.filter(({ key }) => JSON.stringify(key) === JSON.stringify(wanted)).map(({ name }) => name)
      : [wanted].flat();
    if (dropped.length === 0 && wanted !== "*") throw new MongoError(27, `can't find index with key: ${JSON.stringify(wanted)}`);
    if (dropped.includes("_id_")) throw new MongoError(72, "cannot drop _id index");
    const unknown = dropped.find((name) => !all.some((index) => index.name === name));
    if (unknown !== undefined) throw new MongoError(27, `index not found with name [${unknown}]`);
    this.indexes = this.indexes.filter((index) => !dropped.includes(index.specification.name));
  }
}

function normalised(specification) {
  if (typeOf(specification.key) !== "object" || !specification.name) throw new MongoError(9, "The 'key' and 'name' fields are required");
  const known = ["v", "key", "name", "unique", "sparse", "partialFilterExpression", "collation", "background"];
  const unknown = Object.keys(specification).find((name) => !known.includes(name));
  if (unknown) throw new MongoError(2, `The field '${unknown}' is not valid for an index specification.`);
  const { v, background, unique, sparse, collation, ...rest } = specification;
  return {
    v: 2, ...rest,
    ...(unique ? { unique: true } : {}), ...(sparse ? { sparse: true } : {}),
    ...(collation && collation.locale !== "simple" ? { collation: completed(collation) } : {}),
  };
}

// The keys under which a document stands in an index; an array gives one for each element.
function entries(index, document) {
  const { key, sparse, partialFilterExpression, collation } = index.specification;
  const rules = collationOf(collation);
  if (partialFilterExpression && !matches(document, partialFilterExpression, rules)) return [];
  const parts = Object.keys(key).map((field) => valuesAt(document, field));
  if (sparse && parts.every((values) => values[0] === missing)) return [];
  const choices = parts.map((values) => (Array.isArray(values[0]) ? (values.length > 1 ? values.slice(1) : [missing]) : values));
  return choices.reduce((keys, values) => keys.flatMap((start) => values.map((value) => `${start}|${keyOf(value, rules)}`)), [""]);
}

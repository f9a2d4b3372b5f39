// BSON values as MongoDB sees them: their types' names ($type), their order, and equality under a collation.
// Values are those of npm `bson` read without promotion: Int32, Long and Double stay apart.

export const missing = Symbol("missing");

export function typeOf(value) {
  if (value === missing) return "missing";
  if (value === undefined) return "undefined";
  if (value === null) return "null";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? "int" : "double";
  if (typeof value === "bigint") return "long";
  if (value instanceof Date) return "date";
  if (Array.isArray(value)) return "array";
  switch (value._bsontype) {
    case "Int32": return "int";
    case "Long": return "long";
    case "Double": return "double";
    case "Decimal128": return "decimal";
    case "ObjectId": return "objectId";
    case "Binary": return "binData";
    case "Timestamp": return "timestamp";
    case "BSONRegExp": return "regex";
    case "BSONSymbol": return "symbol";
    case "Code": return value.scope ? "javascriptWithScope" : "javascript";
    case "MinKey": return "minKey";
    case "MaxKey": return "maxKey";
    case undefined: return "object";
    default: throw new Error(`no BSON type for ${value._bsontype}`);
  }
}

const typeNumbers = new Map([[1, "double"], [2, "string"], [3, "object"], [4, "array"], [5, "binData"], [7, "objectId"], [8, "bool"], [9, "date"],
  [10, "null"], [11, "regex"], [13, "javascript"], [14, "symbol"], [16, "int"], [17, "timestamp"], [18, "long"], [19, "decimal"]]);

const isNumber = (type) => type === "int" || type === "long" || type === "double" || type === "decimal";

export function hasType(value, wanted) {
  const type = typeOf(value);
  const name = typeof wanted === "string" ? wanted : typeNumbers.get(Number(wanted));
  return name === "number" ? isNumber(type) : type === name;
}

// docs: reference/bson-type-comparison-order
const order = ["minKey", "missing", "null", "number", "string", "object", "array", "binData", "objectId", "bool", "date", "timestamp", "regex", "javascript", "maxKey"];

function rank(type) {
  if (isNumber(type)) return order.indexOf("number");
  if (type === "symbol") return order.indexOf("string");
  if (type === "undefined") return order.indexOf("null");
  return order.indexOf(type);
}

function numeric(value) {
  if (typeof value === "number" || typeof value === "bigint") return value;
  if (value._bsontype === "Long") return value.toBigInt();
  return Number(value.toString());
}

// Of the types without further rules here: ObjectId, Timestamp, regular expression, symbol, code.
function textOf(value) {
  switch (value._bsontype) {
    case "ObjectId": return value.toHexString();
    case "Timestamp": return value.toString(16).padStart(16, "0");
    default: return JSON.stringify(value);
  }
}

const compareNative = (left, right) => (left < right ? -1 : left > right ? 1 : 0);

function compareNumbers(left, right) {
  const [a, b] = [numeric(left), numeric(right)];
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
  return compareNative(a, b);
}

// Without a collation strings are compared by their UTF-8 bytes.
export const binaryCollation = { fold: (text) => text, compare: (left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)) };

function compareObjects(left, right, collation) {
  const [a, b] = [Object.entries(left), Object.entries(right)];
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = rank(typeOf(a[i][1])) - rank(typeOf(b[i][1])) || compareNative(a[i][0], b[i][0]) || compare(a[i][1], b[i][1], collation);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function compareBinary(left, right) {
  return left.length() - right.length() || left.sub_type - right.sub_type || Buffer.compare(left.buffer, right.buffer);
}

export function compare(left, right, collation = binaryCollation) {
  const type = typeOf(left);
  const difference = rank(type) - rank(typeOf(right));
  if (difference !== 0) return difference;
  if (isNumber(type)) return compareNumbers(left, right);
  switch (type) {
    case "string": return collation.compare(left, right);
    case "object": return compareObjects(left, right, collation);
    case "array": return compareObjects({ ...left }, { ...right }, collation);
    case "bool": return Number(left) - Number(right);
    case "date": return left.getTime() - right.getTime();
    case "binData": return compareBinary(left, right);
    case "null": case "undefined": case "missing": case "minKey": case "maxKey": return 0;
    default: return compareNative(textOf(left), textOf(right));
  }
}

// A text that is the same for values that are equal under the collation: what an index or a group stands under.
export function keyOf(value, collation = binaryCollation) {
  const type = typeOf(value);
  if (type === "missing" || type === "null" || type === "undefined") return "null";
  if (isNumber(type)) return `number:${numeric(value)}`;
  if (type === "string") return `string:${collation.fold(value)}`;
  if (type === "array") return `[${value.map((item) => keyOf(item, collation)).join()}]`;
  if (type === "object") return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${keyOf(item, collation)}`).join()}}`;
  if (type === "binData") return `binData:${value.sub_type}:${value.toString("hex")}`;
  return `${type}:${type === "date" ? value.getTime() : textOf(value)}`;
}

// ICU's own collation. `fold` gives one representative for all texts that it holds to be equal.
export function collationOf(specification) {
  if (!specification || specification.locale === "simple") return binaryCollation;
  const sensitivity = { 1: "base", 2: "accent", 3: "variant" }[Number(specification.strength ?? 3)];
  const known = `${specification.locale}/${sensitivity}`;
  if (!collations.has(known)) collations.set(known, makeCollation(new Intl.Collator(specification.locale, { sensitivity })));
  return collations.get(known);
}

const collations = new Map();

function makeCollation(collator) {
  const representatives = [];
  const folded = new Map();
  const search = (text) => {
    let [low, high] = [0, representatives.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const difference = collator.compare(representatives[middle], text);
      if (difference === 0) return representatives[middle];
      if (difference < 0) low = middle + 1; else high = middle;
    }
    representatives.splice(low, 0, text);
    return text;
  };
  const fold = (text) => {
    let found = folded.get(text);
    if (found === undefined) folded.set(text, (found = search(text)));
    return found;
  };
  return { fold, compare: (left, right) => collator.compare(left, right) };
}

// listIndexes tells a collation completed: docs reference/collation
export function completed(collation) {
  return {
    locale: collation.locale, caseLevel: collation.caseLevel ?? false, caseFirst: collation.caseFirst ?? "off", strength: Number(collation.strength ?? 3),
    numericOrdering: collation.numericOrdering ?? false, alternate: collation.alternate ?? "non-ignorable", maxVariable: collation.maxVariable ?? "punct",
    normalization: collation.normalization ?? false, backwards: collation.backwards ?? false, version: "57.1",
  };
}

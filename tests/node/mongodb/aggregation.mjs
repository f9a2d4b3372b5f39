// Aggregation by npm `mingo`; what it does not know is done here: BSON's types in $match, and equality under a collation in $group.
// docs: reference/operator/aggregation/group (values are equal as the command's collation says), reference/command/aggregate.
import { Aggregator } from "mingo";
import { MongoError } from "./errors.mjs";
import { evaluate, matches } from "./queries.mjs";
import { collationOf, keyOf, missing, typeOf } from "./values.mjs";

const plain = (value) => {
  switch (typeOf(value)) {
    case "int": case "double": return Number(value);
    case "object": return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
    case "array": return value.map(plain);
    default: return value;
  }
};

export function aggregate(documents, pipeline, collation) {
  const rules = collationOf(collation);
  return pipeline.reduce((rows, stage) => {
    const name = Object.keys(stage)[0];
    if (name === "$match") return rows.filter((row) => matches(row, stage.$match, rules));
    if (name === "$group") return group(rows, stage.$group, rules);
    if (name === "$unwind") return unwind(rows, stage.$unwind);
    try {
      return new Aggregator([plain(stage)], { collation: collation && plain(collation) }).run(rows);
    } catch (error) {
      throw new MongoError(40324, `Unrecognized pipeline stage name: '${name}' (${error.message})`);
    }
  }, documents);
}

// The groups are ours; what is accumulated within one is mingo's.
function group(rows, { _id: expression, ...accumulators }, rules) {
  const groups = new Map();
  for (const row of rows) {
    const value = evaluate(expression, row, rules);
    const key = keyOf(value, rules);
    if (!groups.has(key)) groups.set(key, { value, rows: [] });
    groups.get(key).rows.push(row);
  }
  const made = [...groups.values()];
  return made.map((one) => {
    const [accumulated] = new Aggregator([{ $group: { _id: null, ...plain(accumulators) } }]).run(one.rows);
    return { ...accumulated, _id: one.value === missing ? null : one.value };
  });
}

// An array of the field gives one row for each element; any other value stays, a missing or null one goes: reference/operator/aggregation/unwind.
function unwind(rows, stage) {
  const field = (typeof stage === "string" ? stage : stage.path).slice(1);
  return rows.flatMap((row) => {
    const value = row[field];
    if (Array.isArray(value)) return value.map((item) => ({ ...row, [field]: item }));
    return value === undefined || value === null ? [] : [row];
  });
}

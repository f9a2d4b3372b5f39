#!/usr/bin/env python3
"""Writes the pinned Unicode tables of src/Selfsame.Core/Identifiers/Unicode/*.g.cs.

Usage: generate.py [--ucd DIR --security DIR] [--output DIR]

--ucd       a folder with UnicodeData.txt and its sisters (Debian: package unicode-data, /usr/share/unicode)
--security  a folder with confusables.txt (UTS #39) and IdnaMappingTable.txt (UTS #46)

Without folders the inputs come from unicode-15.0.0.zip beside this script. Every input must say that it is of
version 15.0.0; another version is another rule version (KeyRules.cs) and re-keys every stored identifier.
The script takes nothing from Python's own unicodedata module, which knows another version.
"""
import argparse
import hashlib
import pathlib
import sys
import zipfile

VERSION = "15.0.0"
HERE = pathlib.Path(__file__).resolve().parent
LAST = 0x110000
UCD = ["UnicodeData.txt", "DerivedCoreProperties.txt", "PropList.txt", "Scripts.txt", "SpecialCasing.txt",
       "DerivedNormalizationProps.txt", "HangulSyllableType.txt", "extracted/DerivedBidiClass.txt",
       "extracted/DerivedJoiningType.txt"]
SECURITY = ["confusables.txt", "IdnaMappingTable.txt"]

# The order is the value in the tables: it must be that of the C# enums.
PRECIS = ["Valid", "ContextJ", "ContextO", "Disallowed", "Unassigned", "Control"]
BIDI = ["L", "R", "AL", "AN", "EN", "ES", "CS", "ET", "ON", "BN", "NSM", "B", "S", "WS",
        "LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"]
JOINING = ["U", "L", "R", "D", "T", "C"]
SCRIPTS = {"Greek": 1, "Hebrew": 2, "Hiragana": 3, "Katakana": 3, "Han": 3}
DOMAIN = ["valid", "ignored", "mapped", "disallowed"]


class Inputs:
    """The input files' bytes by name, from two folders or from the committed archive."""

    def __init__(self, ucd, security):
        self.content = {}
        if ucd:
            for name in UCD:
                self.content[name] = (pathlib.Path(ucd) / name).read_bytes()
            for name in SECURITY:
                self.content[name] = (pathlib.Path(security) / name).read_bytes()
        else:
            with zipfile.ZipFile(HERE / f"unicode-{VERSION}.zip") as archive:
                for name in UCD + SECURITY:
                    self.content[name] = archive.read(name)
        for name, content in self.content.items():
            if name != "UnicodeData.txt" and VERSION.encode() not in content[:600]:
                sys.exit(f"{name} is not of Unicode {VERSION}")

    def rows(self, name):
        for line in self.content[name].decode("utf-8-sig").splitlines():
            line = line.split("#")[0].strip()
            if line:
                yield [field.strip() for field in line.split(";")]

    def ranges(self, name):
        for row in self.rows(name):
            first, _, last = row[0].partition("..")
            yield range(int(first, 16), int(last or first, 16) + 1), row[1:]


def points(text):
    return [int(point, 16) for point in text.split()]


class Characters:
    """What UnicodeData.txt and the derived files say of each code point."""

    def __init__(self, inputs):
        self.category = ["Cn"] * LAST
        self.combining = [0] * LAST
        self.lower, self.canonical, self.compatible, self.width = {}, {}, {}, {}
        self.read_unicode_data(inputs)
        self.properties = {}
        for name in ("DerivedCoreProperties.txt", "PropList.txt", "HangulSyllableType.txt", "DerivedNormalizationProps.txt"):
            for scope, fields in inputs.ranges(name):
                key = "=".join(fields[:2]) if fields[0].endswith("_QC") else fields[0]
                self.properties.setdefault(key, set()).update(scope)
        # Unassigned code points have a default that depends on the block (DerivedBidiClass.txt); those are refused before
        # the direction is looked at, so that L serves for them.
        self.bidi = self.by_range(inputs, "extracted/DerivedBidiClass.txt", "L")
        self.joining = self.by_range(inputs, "extracted/DerivedJoiningType.txt", "U")
        self.script = self.by_range(inputs, "Scripts.txt", "")
        for row in inputs.rows("SpecialCasing.txt"):
            unconditional = len(row) < 6 or row[4] == ""
            if unconditional and points(row[1]) != [int(row[0], 16)]:
                self.lower[int(row[0], 16)] = points(row[1])
        excluded = self.properties["Full_Composition_Exclusion"]
        self.composition = {tuple(to): point for point, to in self.canonical.items() if point not in excluded}

    def read_unicode_data(self, inputs):
        first = 0
        for row in inputs.rows("UnicodeData.txt"):
            point = int(row[0], 16)
            if row[1].endswith(", First>"):
                first = point
                continue
            scope = range(first if row[1].endswith(", Last>") else point, point + 1)
            for member in scope:
                self.category[member] = row[2]
                self.combining[member] = int(row[3])
            if row[13]:
                self.lower[point] = points(row[13])
            if row[5]:
                tag, _, rest = row[5].partition("> ") if row[5].startswith("<") else ("", "", row[5])
                (self.compatible if tag else self.canonical)[point] = points(rest)
                if tag in ("<wide", "<narrow"):
                    self.width[point] = points(rest)

    @staticmethod
    def by_range(inputs, name, default):
        values = [default] * LAST
        for scope, fields in inputs.ranges(name):
            for point in scope:
                values[point] = fields[0]
        return values

    def has(self, point, name):
        return point in self.properties.get(name, ())

    def decompose(self, point, compatible):
        if 0xAC00 <= point < 0xAC00 + 11172:
            index = point - 0xAC00
            tail = [0x11A7 + index % 28] if index % 28 else []
            return [0x1100 + index // 588, 0x1161 + index % 588 // 28] + tail
        to = self.canonical.get(point) or (self.compatible.get(point) if compatible else None)
        return [point] if to is None else [last for part in to for last in self.decompose(part, compatible)]

    def ordered(self, sequence):
        result = []
        for point in sequence:
            at = len(result)
            while self.combining[point] and at and self.combining[result[at - 1]] > self.combining[point]:
                at -= 1
            result.insert(at, point)
        return result

    def compose(self, sequence):
        result, starter, last = [], None, 0
        for point in sequence:
            own = self.combining[point]
            blocked = starter is not None and len(result) - 1 > starter and last >= own
            pair = None if starter is None or blocked else self.composite(result[starter], point)
            if pair is not None:
                result[starter] = pair
                continue
            result.append(point)
            last = own
            if own == 0:
                starter = len(result) - 1
        return result

    def composite(self, first, second):
        if 0x1100 <= first < 0x1113 and 0x1161 <= second < 0x1176:
            return 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        if 0xAC00 <= first < 0xD7A4 and (first - 0xAC00) % 28 == 0 and 0x11A7 < second < 0x11C3:
            return first + second - 0x11A7
        return self.composition.get((first, second))

    def has_compatible(self, point):
        """HasCompat of RFC 8264 section 9.17: NFKC changes the code point."""
        if not (0xAC00 <= point < 0xD7A4 or point in self.canonical or point in self.compatible):
            return False
        return self.compose(self.ordered(self.decompose(point, True))) != [point]

    def precis(self, point):
        """The derived property of RFC 8264 section 8, for the IdentifierClass; the exceptions are its section 9.6."""
        category = self.category[point]
        if point in (0xDF, 0x3C2, 0x6FD, 0x6FE, 0xF0B, 0x3007):
            return "Valid"
        if point in (0xB7, 0x375, 0x5F3, 0x5F4, 0x30FB) or 0x660 <= point <= 0x669 or 0x6F0 <= point <= 0x6F9:
            return "ContextO"
        if point in (0x640, 0x7FA, 0x302E, 0x302F, 0x303B) or 0x3031 <= point <= 0x3035:
            return "Disallowed"
        if category == "Cn" and not self.has(point, "Noncharacter_Code_Point"):
            return "Unassigned"
        if 0x21 <= point <= 0x7E:
            return "Valid"
        if self.has(point, "Join_Control"):
            return "ContextJ"
        if any(self.has(point, kind) for kind in ("L", "V", "T", "Default_Ignorable_Code_Point", "Noncharacter_Code_Point")):
            return "Disallowed"
        if category == "Cc":
            return "Control"
        if self.has_compatible(point):
            return "Disallowed"
        return "Valid" if category in ("Ll", "Lu", "Lo", "Nd", "Lm", "Mn", "Mc") else "Disallowed"

    def hidden(self, point):
        """What a mail address may not contain though RFC 6531 lets it: no glyph, no meaning, or not yet a character."""
        return (self.category[point] in ("Cn", "Cs", "Co", "Cc", "Zs", "Zl", "Zp")
                or (self.has(point, "Default_Ignorable_Code_Point") and not self.has(point, "Join_Control")))


def record(characters, point, status):
    """One code point's properties as 32 bits; CharacterProperties.cs takes them apart."""
    has = characters.has
    value = PRECIS.index(characters.precis(point))
    value |= BIDI.index(characters.bidi[point]) << 3
    value |= characters.combining[point] << 8
    value |= JOINING.index(characters.joining[point]) << 16
    value |= SCRIPTS.get(characters.script[point], 0) << 19
    value |= (characters.category[point][0] == "M") << 22
    value |= has(point, "Cased") << 23
    value |= has(point, "Case_Ignorable") << 24
    value |= has(point, "White_Space") << 25
    value |= (has(point, "NFC_QC=N") or has(point, "NFC_QC=M")) << 26
    value |= DOMAIN.index(status) << 27
    value |= (characters.category[point] == "Nd") << 29
    value |= (point in characters.canonical) << 30
    value |= characters.hidden(point) << 31
    return value


def domain_mappings(inputs):
    """UTS #46, non-transitional and with UseSTD3ASCIIRules: per code point the status, and the mapping where there is one."""
    status, mapping = ["disallowed"] * LAST, {}
    for scope, fields in inputs.ranges("IdnaMappingTable.txt"):
        for point in scope:
            status[point] = "valid" if fields[0] == "deviation" else fields[0].replace("disallowed_STD3_valid", "disallowed") \
                .replace("disallowed_STD3_mapped", "disallowed")
            if status[point] == "mapped":
                mapping[point] = points(fields[1])
    return status, mapping


def confusables(inputs):
    return {int(row[0], 16): points(row[1]) for row in inputs.rows("confusables.txt")}


class Source:
    """One generated C# file."""

    def __init__(self, inputs, name, summary):
        self.name = name
        self.lines = [f"    /// <summary>{summary}</summary>", f"    internal static class {name}", "    {"]
        self.hashes = [f"//   {file} sha256 {hashlib.sha256(inputs.content[file]).hexdigest()}" for file in UCD + SECURITY]

    def data(self, kind, name, comment, values, form="0x{:X}"):
        self.lines += [f"        /// <summary>{comment}</summary>", f"        public static ReadOnlySpan<{kind}> {name} =>", "        ["]
        line = "            "
        for text in (form.format(value) + "," for value in values):
            if len(line) + len(text) > 160:
                self.lines.append(line)
                line = "            "
            line += text
        self.lines += [line, "        ];"]

    def mappings(self, mapping, what):
        """Sources in order; for each the place of its target in a pool, where a length stands before the UTF-16 units."""
        pool, places, at = [], {}, []
        for _, target in sorted(mapping.items()):
            units = tuple(utf16(target))
            if units not in places:
                places[units] = len(pool)
                pool += [len(units), *units]
            at.append(places[units])
        assert len(pool) < 0x10000
        self.data("int", "Sources", f"The code points that {what}, ascending.", sorted(mapping))
        self.data("ushort", "Places", "For each source the place of its target in the pool.", at, "{}")
        self.data("ushort", "Pool", "The targets: a length in UTF-16 units, then the units.", pool)

    def write(self, folder):
        body = "\n".join([line[4:] if line.startswith("    ") else line for line in self.lines] + ["}", ""])
        header = ["// <auto-generated>", f"// Written by tools/unicode/generate.py from Unicode {VERSION}; do not edit.",
                  "// Inputs (© Unicode, Inc., https://www.unicode.org/terms_of_use.html):", *self.hashes,
                  f"// Body sha256 {hashlib.sha256(body.encode()).hexdigest()}", "// </auto-generated>", "#nullable enable", "",
                  "namespace Selfsame.Core.Identifiers.Unicode;", "", ""]
        (folder / f"{self.name}.g.cs").write_text("\n".join(header) + body, encoding="utf-8")


def utf16(sequence):
    for point in sequence:
        if point < 0x10000:
            yield point
        else:
            yield 0xD800 + ((point - 0x10000) >> 10)
            yield 0xDC00 + ((point - 0x10000) & 0x3FF)


def write_characters(inputs, folder, characters, status):
    starts, indexes, records = [], [], {}
    for point in range(LAST):
        index = records.setdefault(record(characters, point, status[point]), len(records))
        if not indexes or indexes[-1] != index:
            starts.append(point)
            indexes.append(index)
    source = Source(inputs, "CharacterTable", "The properties of every code point, as runs that share one record.")
    source.data("int", "Starts", "The first code point of each run, ascending; the first is 0.", starts)
    source.data("ushort", "Records", "For each run the place of its record.", indexes, "{}")
    source.data("uint", "Properties", "The records: CharacterProperties says what each bit means.", records)
    zeroes = [point for point in range(LAST) if characters.category[point] == "Nd" and (point == 0 or characters.category[point - 1] != "Nd")]
    # Runs of Nd are whole decades (The Unicode Standard, section 4.6), several of which may touch.
    source.data("int", "DigitRuns", "The first code point of each run of decimal digits, a zero; every tenth is a zero again.", zeroes)
    source.write(folder)


def write_all(inputs, folder):
    characters = Characters(inputs)
    status, domains = domain_mappings(inputs)
    write_characters(inputs, folder, characters, status)

    source = Source(inputs, "DecompositionTable", "Full canonical decompositions, without the Hangul syllables (they are arithmetic).")
    source.mappings({point: characters.ordered(characters.decompose(point, False)) for point in characters.canonical}, "decompose")
    # First, second and composite, 21 bits each: the pairs are ascending, so that one search finds pair and composite.
    packed = sorted(first << 42 | second << 21 | to for (first, second), to in characters.composition.items())
    source.data("long", "Compositions", "Primary composites, ascending; 21 bits each for first, second and composite.", packed)
    source.write(folder)

    source = Source(inputs, "LowerCaseTable", "Lowercase_Mapping: UnicodeData.txt and the unconditional lines of SpecialCasing.txt.")
    source.mappings(characters.lower, "have another lower case")
    source.write(folder)

    source = Source(inputs, "WidthTable", "The decompositions of full-width and half-width characters (RFC 8264 section 5.2.1).")
    source.mappings(characters.width, "are full-width or half-width")
    source.write(folder)

    source = Source(inputs, "DomainTable", "The mappings of UTS #46, non-transitional, with UseSTD3ASCIIRules.")
    source.mappings(domains, "are mapped")
    source.write(folder)

    source = Source(inputs, "ConfusableTable", "The prototypes of UTS #39 confusables.txt.")
    source.mappings(confusables(inputs), "have a prototype")
    source.write(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ucd")
    parser.add_argument("--security")
    parser.add_argument("--output", default=HERE.parent.parent / "src/Selfsame.Core/Identifiers/Unicode", type=pathlib.Path)
    arguments = parser.parse_args()
    if bool(arguments.ucd) != bool(arguments.security):
        parser.error("--ucd and --security go together")
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_all(Inputs(arguments.ucd, arguments.security), arguments.output)


if __name__ == "__main__":
    main()

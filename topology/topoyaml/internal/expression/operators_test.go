package expression

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/expr-lang/expr/builtin"

	"github.com/kolkstream/kolk/topology/topoyaml/internal/functions"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/value"
	"github.com/kolkstream/kolk/topology/topoyaml/internal/valuetest"
)

// operators is every operator and function, at the places where results begin to be wrong:
// {expression, JSON of the result}. An error of the record is written as "! " and a part of its
// message.
var operators = [][2]string{
	// Whole numbers are exact, or an error.
	{`value.max + 1`, "! exceeds the range of whole numbers"}, {`value.max - -1`, "! exceeds"}, {`value.min - 1`, "! exceeds"}, {`value.min + -1`, "! exceeds"},
	{`value.max + 0`, `9223372036854775807`}, {`value.max + value.min`, `-1`}, {`value.g * value.g`, "! exceeds"}, {`value.min * -1`, "! exceeds"},
	{`-value.min`, "! exceeds"}, {`-value.max`, `-9223372036854775807`}, {`abs(value.min)`, "! exceeds"}, {`abs(-3)`, `3`}, {`abs(-1.5)`, `1.5`}, {`+value.max`, `9223372036854775807`},
	{`value.min / -1`, "! exceeds"}, {`value.max / 1`, `9223372036854775807`}, {`value.big / 1`, `9007199254740993`}, {`value.i / 0`, "! division by zero"},
	{`value.i % 0`, "! division by zero"}, {`value.min % -1`, `0`}, {`-7 % 3`, `-1`}, {`7 % -3`, `1`}, {`value.h % 2`, "! % needs whole numbers"}, {`value.i / 2`, `2.5`},
	{`0.0 / value.zero`, "! division by zero"}, {`value.h / 0`, "! division by zero"}, {`1e308 * value.i * 10`, "! exceeds the range of floating-point numbers"},
	{`value.g * float(value.g) / 1`, `16000000000000000000`}, {`value.g * value.g / 1.0`, "! exceeds"}, {`value.g * 1.0 * value.g`, `16000000000000000000`}, {`value.i * 1e300`, `5e+300`},
	{`2 ** 62`, `4611686018427387904`}, {`value.i ** 27`, `7450580596923828125`}, {`value.i ** 28`, "! exceeds"}, {`3 ** 2`, `9`}, {`2 ^ 3`, `8`}, {`value.i ** -1`, `0.2`},
	{`9 ** 0.5`, `3`}, {`(-value.i) ** 0.5`, "! no number"}, {`2.0 ** 64 + value.zero`, `18446744073709552000`}, {`value.zero ** -1`, "! division by zero"},
	{`value.h + value.i`, `5.5`}, {`value.big + value.h`, `9007199254740994`}, {`value.f + 1`, `9007199254740993`}, {`-value.h`, `-0.5`}, {`-0.0`, `0`},
	// They are compared exactly, with each other and with others.
	{`value.big == value.f`, `false`}, {`value.big != value.f`, `true`}, {`value.big > value.f`, `true`}, {`value.f < value.big`, `true`}, {`value.big <= value.f`, `false`},
	{`value.f >= value.big`, `false`}, {`value.big == 9007199254740993.0`, `true`}, {`value.big == 9007199254740992.0`, `false`}, {`value.max < 9223372036854775808.0`, `true`},
	{`value.max == 1e19`, `false`}, {`value.big in [1, 9007199254740992.0]`, `false`}, {`value.big in [1, 2, 3, 4, 5, 6, 7, 8, 9007199254740993]`, `true`},
	{`value.h in [1, 2, 3, 4, 5, 6, 7, 8, 0.5]`, `true`}, {`value.i in 1..1000000000`, `true`}, {`value.h in 0..1`, `false`}, {`value.i in value.zero..4`, `false`},
	{`max(value.big, value.f)`, `9007199254740993`}, {`max([value.f, [value.big]])`, `9007199254740993`}, {`min(value.big, value.f)`, `9007199254740992`}, {`max(value.empty)`, `null`},
	{`min(value.i, value.s)`, "! min needs numbers, not string"}, {`max(value.i, value.none)`, "! max needs numbers, not null"}, {`sort([value.big, value.f, value.h])`, `[0.5,9007199254740992,9007199254740993]`},
	{`sort([2, 10, 1], "desc")`, `[10,2,1]`}, {`sort(["b", "a"])`, `["a","b"]`}, {`sort([value.i, value.s])`, "! have no order"}, {`sort([1], value.s)`, `! the order is "asc" or "desc"`},
	{`uniq([value.big, value.f, value.big, "1", 1, 1.0])`, `[9007199254740993,9007199254740992,"1",1]`}, {`uniq([{a: 1, b: 2}, {b: 2, a: 1}])`, `[{"a":1,"b":2}]`},
	{`[value.big] == [value.f]`, `false`}, {`{a: [value.big]} == {a: [value.f]}`, `false`}, {`{a: 1, b: 2} == {b: 2.0, a: 1}`, `true`}, {`value.o == {a: 2, z: 1}`, `true`}, {`[1, 2] == [2, 1]`, `false`},
	{`value.i == value.s`, `false`}, {`value.none == nil`, `true`}, {`value.none != value.i`, `true`}, {`value.none > value.i`, "! invalid operation: null > int"}, {`value.s < value.i`, "! invalid operation: string < int"},
	{`value.s + value.i`, "! invalid operation: string + int"}, {`value.t + 1`, "! invalid operation: bool + int"}, {`value.none * 2`, "! invalid operation: null * int"}, {`-value.none`, "! invalid operation: - null"},
	// Conditions.
	{`value.t and value.none`, `false`}, {`value.none or value.t`, `true`}, {`not value.none`, `true`}, {`!value.t`, `false`}, {`value.t && !false || false`, `true`}, {`value.i and true`, "! a condition should be true or false"},
	{`value.none ?? 7`, `7`}, {`value.i ?? 7`, `5`}, {`value.t ? 1 : 2`, `1`}, {`value.none ? 1 : 2`, `2`}, {`if value.t { 1 } else { 2 }`, `1`}, {`value.none not in value.list`, `true`},
	// Conversions.
	{`int(1e21 + value.zero)`, "! does not fit into a whole number"}, {`int(value.h)`, `0`}, {`int("9223372036854775808" + value.nothing)`, "! does not fit"}, {`int(value.s)`, "! is no whole number"}, {`int(-1.5)`, `-1`},
	{`float("NaN" + value.nothing)`, "! is no number"}, {`float("Infinity" + value.nothing)`, "! is no number"}, {`float("1e999" + value.nothing)`, "! out of range"}, {`float("2.50")`, `2.5`}, {`float(value.big)`, `9007199254740993`},
	{`string(1234567.5)`, `"1234567.5"`}, {`string(value.big)`, `"9007199254740993"`}, {`string(1e21)`, `"1e+21"`}, {`string(value.o)`, `"{\"z\":1,\"a\":2}"`}, {`string(value.none)`, "! null has no text"}, {`string(value.t)`, `"true"`},
	{`string(0.1 + 0.2)`, `"0.30000000000000004"`}, {`string(1.0)`, `"1"`}, {`string(-0.0)`, `"0"`}, {`toJSON(value.o)`, `"{\"z\":1,\"a\":2}"`}, {`toJSON(nil)`, `"null"`}, {`toJSON([1e21, 1e-7, "é"])`, `"[1e+21,1e-7,\"é\"]"`},
	{`fromJSON('{"z":9007199254740993,"a":1.0}')`, `{"z":9007199254740993,"a":1}`}, {`fromJSON(toJSON(value))`, operatorInput}, {`fromJSON("{" + value.nothing)`, "! malformed"}, {`fromJSON('{"a":1,"a":2}' + value.nothing)`, "! duplicate"},
	{`toBase64("é")`, `"w6k="`}, {`fromBase64("w6k=")`, `"é"`}, {`fromBase64("/w==" + value.nothing)`, "! not UTF-8"}, {`fromBase64(value.s)`, "! is not base64"},
	{`type(value.h) + type(2.0) + type(value.none) + type(value.o) + type(value.list) + type(value.s) + type(value.t)`, `"floatintnilmaparraystringbool"`},
	{`round(2.5)`, `3`}, {`round(-2.5)`, `-3`}, {`round(value.big)`, `9007199254740993`}, {`ceil(value.h)`, `1`}, {`floor(-0.5)`, `-1`}, {`floor(value.max)`, `9223372036854775807`}, {`ceil(value.s)`, "! a number is needed"},
	// Bits.
	{`bitand(6, 3)`, `2`}, {`bitor(6, 3)`, `7`}, {`bitxor(6, 3)`, `5`}, {`bitnand(6, 3)`, `4`}, {`bitnot(0)`, `-1`}, {`bitshl(1, 62)`, `4611686018427387904`}, {`bitshl(value.i, 62)`, "! exceeds"}, {`bitshl(1, value.i * 20)`, "! exceeds"},
	{`bitshl(-1, 63)`, `-9223372036854775808`}, {`bitshr(-8, 1)`, `-4`}, {`bitshr(-8, 100)`, `-1`}, {`bitushr(-1, 1)`, `9223372036854775807`}, {`bitushr(-1, 64)`, `0`}, {`bitshl(1, -value.i)`, "! needs a number of bits from 0"}, {`bitand(value.h, 1)`, "! needs a whole number"},
	// Texts count in characters.
	{`value.s[0:len(value.s)-1]`, `"héll"`}, {`value.s[1:2]`, `"é"`}, {`value.s[-2:]`, `"lo"`}, {`value.s[:-9]`, `""`}, {`value.s[3:1]`, `""`}, {`value.s[1:99]`, `"éllo"`}, {`value.s[value.min:value.max]`, `"héllo"`}, {`value.s[1]`, "! a text has no elements; text[i:i+1]"}, {`get(value.s, 1)`, "! a text has no elements"},
	{`len(value.s)`, `5`}, {`len("😀e\u0301")`, `3`}, {`indexOf(value.s, "l")`, `2`}, {`lastIndexOf(value.s, "l")`, `3`}, {`indexOf(value.s, "x")`, `-1`}, {`value.s[indexOf(value.s, "é"):]`, `"éllo"`}, {`split(value.s, "")`, `["h","é","l","l","o"]`},
	{`upper(value.s)`, `"HÉLLO"`}, {`lower("HÉ")`, `"hé"`}, {`trim(" a ")`, `"a"`}, {`trim("xax", "x")`, `"a"`}, {`trimPrefix("foobar", "foo")`, `"bar"`}, {`trimSuffix("foobar", "bar")`, `"foo"`}, {`trimPrefix(" a")`, `"a"`},
	{`split("a,b,c", ",")`, `["a","b","c"]`}, {`split("a,b,c", ",", 2)`, `["a","b,c"]`}, {`splitAfter("a,b", ",")`, `["a,","b"]`}, {`join(split("a,b", ","), "-")`, `"a-b"`}, {`join(["a", "b"])`, `"ab"`}, {`join([value.i])`, "! join needs a list of texts"},
	{`replace("aaa", "a", "b")`, `"bbb"`}, {`replace("aaa", "a", "b", 2)`, `"bba"`}, {`repeat("ab", 2)`, `"abab"`}, {`repeat("ab", -value.i)`, "! repeat needs a number from 0"}, {`repeat("ab", value.max)`, "! a text of more than"}, {`replace(repeat("a", 10000), "a", repeat("b", value.i * 10000))`, "! a text of more than"},
	{`hasPrefix(value.s, "hé")`, `true`}, {`hasSuffix(value.s, "lo")`, `true`}, {`value.s startsWith "hé"`, `true`}, {`value.s endsWith "x"`, `false`}, {`value.s contains "éll"`, `true`}, {`value.s matches "^h.llo$"`, `true`}, {`value.s matches value.s`, `true`}, {`value.s matches (value.s + "(")`, "! is no regular expression"},
	{`value.none matches "a"`, `false`}, {`value.i contains "a"`, "! contains needs texts"}, {`upper(value.i)`, "! upper needs a string, not int"}, {`len(value.i)`, "! len() takes a text, a list or an object, not int"},
	// Lists.
	{`value.list[-1]`, `3`}, {`value.list[3]`, "! there is no place 3 in a list of 3"}, {`get(value.list, 3)`, `null`}, {`get(value.o, "z")`, `1`}, {`get(value.o, "y")`, `null`}, {`value.none[0]`, `null`}, {`value.list[value.h]`, "! a place in a list is a whole number"},
	{`value.list[1:]`, `[2,3]`}, {`value.list[-2:-1]`, `[2]`}, {`first(value.list)`, `1`}, {`last(value.list)`, `3`}, {`first(value.empty)`, `null`}, {`take(value.list, 2)`, `[1,2]`}, {`take(value.list, 9)`, `[1,2,3]`}, {`take(value.list, -value.i)`, "! take needs a number from 0"},
	{`len(value.list)`, `3`}, {`reverse(value.list)`, `[3,2,1]`}, {`concat(value.list, [4])`, `[1,2,3,4]`}, {`flatten([1, [2, [3]]])`, `[1,2,3]`}, {`1..3`, `[1,2,3]`}, {`3..1`, `[]`}, {`value.zero..value.max`, "! more than 1000000 elements"}, {`value.min..value.max`, "! more than 1000000 elements"},
	{`value.h..3`, "! whole numbers are needed"}, {`map(1..1000, value.zero..1000)`, "! more than 1000000 elements"}, {`sum([value.max, 1, -1])`, `9223372036854775807`}, {`sum([value.max, 1])`, "! exceeds"}, {`sum([0.1, 0.2, -0.3])`, `2.7755575615628914e-17`}, {`sum(value.empty)`, `0`},
	{`sum([1e16, 1.0, 1.0])`, `10000000000000002`}, {`sum(value.list, # * 2)`, `12`}, {`sum([value.s])`, "! a sum needs numbers"}, {`mean(value.list)`, `2`}, {`mean(value.max, value.max)`, `9223372036854775807`}, {`mean([1, 2])`, `1.5`}, {`mean(value.empty)`, `0`}, {`median(value.empty)`, `0`}, {`min(value.empty)`, `null`}, {`mean(value.s)`, "! mean needs numbers"},
	{`median(3, 1, 2)`, `2`}, {`median([value.max, value.max])`, `9223372036854775807`}, {`median([1, 2])`, `1.5`}, {`all(value.list, # > 0)`, `true`}, {`none(value.list, # > 3)`, `true`}, {`any(value.list, # == 2)`, `true`}, {`one(value.list, # == 2)`, `true`}, {`one(value.list, # > 1)`, `false`},
	{`all(value.empty, false)`, `true`}, {`any(value.empty, true)`, `false`}, {`filter(value.list, # != 2)`, `[1,3]`}, {`map(value.list, ({n: #}))`, `[{"n":1},{"n":2},{"n":3}]`}, {`find(value.list, # > 1)`, `2`}, {`findIndex(value.list, # > 1)`, `1`}, {`findLast(value.list, # < 3)`, `2`}, {`findLastIndex(value.list, # > 9)`, `-1`},
	{`count(value.list, # > 1)`, `2`}, {`count([true, false, true])`, `2`}, {`reduce(value.list, #acc * #, 1)`, `6`}, {`reduce(value.list, #acc + #)`, `6`}, {`reduce(value.list, #acc + #, value.max)`, "! exceeds"}, {`reduce(value.empty, #acc)`, "! reduce of an empty list"}, {`reduce(value.list, #acc + #index, 0)`, `3`},
	{`sortBy(value.items, .p, "desc")`, `[{"p":5},{"p":1}]`}, {`sortBy(value.items, .p)`, `[{"p":1},{"p":5}]`}, {`groupBy(value.list, # % 2 == 0 ? "even" : "odd")`, `{"odd":[1,3],"even":[2]}`}, {`groupBy([1.5, 1e21, 3], #)`, `{"1.5":[1.5],"1e+21":[1e+21],"3":[3]}`}, {`groupBy([1, "1"], #)`, "! groupBy finds 1 both as int and as string"},
	{`groupBy(value.list, value.none)`, "! a field's name is a text"}, {`map(value.list, map(1..2, #))`, `[[1,2],[1,2],[1,2]]`}, {`filter(value.none, true)`, "! filter needs a list, not null"}, {`filter(value.list, #)`, "! a condition should be true or false and is of type int"}, {`map(value.list, # + sum(value.list, # * 2))`, `[13,14,15]`},
	// Objects keep the order of their fields.
	{`keys(value.o)`, `["z","a"]`}, {`values(value.o)`, `[1,2]`}, {`toPairs(value.o)`, `[["z",1],["a",2]]`}, {`fromPairs(toPairs(value.o))`, `{"z":1,"a":2}`}, {`fromPairs([["b", 1], [1.5, 2], ["b", 3]])`, `{"b":3,"1.5":2}`}, {`fromPairs([value.i])`, "! fromPairs needs a list of pairs"},
	{`{(value.s): 1, b: 2}`, `{"héllo":1,"b":2}`}, {`{("b" + value.nothing): 1, b: 2}`, `{"b":2}`}, {`[{z: 1, a: {y: 2, b: 3}}]`, `[{"z":1,"a":{"y":2,"b":3}}]`}, {`let o = {z: 1, a: 2}; o`, `{"z":1,"a":2}`}, {`"z" in value.o`, `true`}, {`"y" in value.o`, `false`}, {`value.i in value.s`, "! in needs a list or an object"},
	{`keys(value.list)`, "! keys needs an object, not list"}, {`len(value.o)`, `2`}, {`value.items[0].p`, `1`}, {`value.items[0].q.r`, `null`}, {`value.o[value.s]`, `null`}, {`let a = value.i; let b = a + 1; [a, b]`, `[5,6]`}, {`value.i; value.s`, `"héllo"`}, {`value?.o?.z`, `1`},
	{`value.list | map(# * 2) | sum()`, `12`}, {`b"ab" == b"ab"`, `true`},
	// Times.
	{`parseTime(value.s)`, "! is no time of the layout"}, {`parseTime("2024-01-01", "2006-01-02", value.s)`, "! there is no time zone"}, {`formatTime(value.max)`, "! years from 0 to 9999"}, {`formatTime(0, "2006")`, `"1970"`}, {`duration("90m")`, `5400000`}, {`duration(value.s)`, "! is no duration"},
	{`parseTime("2024-07-01 12:00", "2006-01-02 15:04", "Europe/Berlin")`, `1719828000000`}, {`extract(value.s, "l+")`, `"ll"`},
}

const operatorInput = `{"max":9223372036854775807,"min":-9223372036854775808,"g":4000000000,"big":9007199254740993,"f":9007199254740992,"i":5,"h":0.5,"zero":0,"s":"héllo","nothing":"","t":true,"o":{"z":1,"a":2},"list":[1,2,3],"empty":[],"items":[{"p":1},{"p":5}]}`

func TestOperators(t *testing.T) {
	in := &Inputs{Key: "k", Value: valuetest.JSON(t, operatorInput)}
	for _, test := range operators {
		expr, want := test[0], test[1]
		c := &Compiler{lib: functions.NewLibrary()}
		p, mistakes := c.Compile(expr, RecordScope(value.StringType, value.AnyType), "here")
		if len(mistakes) > 0 {
			t.Errorf("%s: %d: %s", expr, mistakes[0].Offset, mistakes[0].Message)
			continue
		}
		v, err := p.Eval(in)
		if text, fails := strings.CutPrefix(want, "! "); fails {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s = %v, %v; want the error %q", expr, v, err, text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got, err := value.AppendJSON(nil, v); err != nil || string(got) != want {
			t.Errorf("%s = %s, %v; want %s", expr, got, err, want)
		}
	}
}

// Every function of package expr has been decided on: it is in the table above, or it does not
// exist here. A new version that brings more makes this fail.
func TestEveryFunction(t *testing.T) {
	lib := functions.NewLibrary()
	names := append([]string{}, builtin.Names...)
	for _, f := range ownFunctions {
		names = append(names, f.name)
	}
	for _, name := range names {
		off := false
		for _, d := range disabled {
			off = off || d == name
		}
		_, loop := loops[name]
		switch {
		case off:
			c := &Compiler{lib: lib}
			if _, mistakes := c.Compile(name+`("a")`, RecordScope(value.StringType, value.AnyType), "here"); len(mistakes) == 0 || !strings.Contains(mistakes[0].Message, "there is no function "+name) {
				t.Errorf("%s: %v", name, mistakes)
			}
		case !loop && name != "abs" && lib.Find(name) == nil:
			t.Errorf("%s is not there", name)
		default:
			called := regexp.MustCompile(`\b` + name + `\(`)
			found := false
			for _, test := range operators {
				found = found || called.MatchString(test[0])
			}
			if !found {
				t.Errorf("%s is not tested", name)
			}
		}
	}
}

// What is constant is computed when the file is loaded, by the same rules, and its errors have a
// place.
func TestConstantMistakes(t *testing.T) {
	for _, test := range []struct {
		expr   string
		offset int
		want   string
	}{
		{`value.i + 9223372036854775807 + 1`, -1, ""},
		{`value.i + (9223372036854775807 + 1)`, 31, "exceeds the range of whole numbers"},
		{`value.i + (4000000000 * 4000000000)`, 22, "exceeds"},
		{`1 / 0`, 2, "division by zero"},
		{`value.i % 0`, -1, ""},
		{`1e308 * 10`, 6, "exceeds the range of floating-point numbers"},
		{`int(1e21)`, 0, "does not fit"},
		{`int("9223372036854775808")`, 0, "does not fit"},
		{`float("NaN")`, 0, "is no number"},
		{`float("Infinity")`, 0, "is no number"},
		{`0.0 / 0.0`, 4, "division by zero"},
		{`-(-9223372036854775807 - 1)`, 0, "exceeds"},
		{`9223372036854775808`, 0, "does not fit into a whole number of 64 bits; 9223372036854775808.0 is a floating-point number"},
		{`value.i > -9223372036854775808`, 11, "-9223372036854775807 - 1 is the smallest one"},
		{`value.i > -9223372036854775809`, 11, "9223372036854775809.0 is a floating-point number"},
		{`parseTime(value.s, "2006-01-02", "Europe/Berln")`, 33, `there is no time zone "Europe/Berln"`},
		{`parseTime(value.s, "YYYY-MM-DD")`, 19, `"YYYY-MM-DD" is no layout of Go`},
		{`parseTime(value.s, "date")`, 19, `names no part of a time`},
		{`formatTime(time, "2006", "Local")`, 25, `the time zone "Local" is that of the machine`},
		{`formatTime(time, "yyyy")`, 17, `is no layout of Go`},
		{`parseTime("2024-13-01")`, 0, `is no time of the layout`},
		{`duration("1x")`, 0, "is no duration"},
		{`value.s matches "("`, 16, `is no regular expression`},
		{`value.s matches ("(" + "a")`, -2, `is no regular expression`},
		{`sort(value.list, "up")`, 17, `the order is "asc" or "desc"`},
		{`sortBy(value.list, #, "up")`, 22, `the order is "asc" or "desc"`},
		{`"abc"[1]`, 5, "a text has no elements; text[i:i+1] is a character of it"},
		{`1 + 1e999`, 4, "1e999 exceeds the range of floating-point numbers"},
		{`repeat("ab", 100000000)`, 0, "a text of more than"},
		{`now()`, 0, "there is no function now"},
	} {
		c := &Compiler{lib: functions.NewLibrary()}
		_, mistakes := c.Compile(test.expr, RecordScope(value.StringType, value.AnyType), "here")
		switch {
		case test.want == "":
			if len(mistakes) > 0 {
				t.Errorf("%s: %s", test.expr, mistakes[0].Message)
			}
		case len(mistakes) == 0:
			t.Errorf("%s: no mistakes found", test.expr)
		case !strings.Contains(mistakes[0].Message, test.want) || test.offset >= 0 && mistakes[0].Offset != test.offset:
			t.Errorf("%s: %s, want %d: %s", test.expr, fmt.Sprintf("%d: %s", mistakes[0].Offset, mistakes[0].Message), test.offset, test.want)
		}
	}
}

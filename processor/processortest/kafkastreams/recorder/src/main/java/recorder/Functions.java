package recorder;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** The functions that cases name. Values are strings, but for those of counts, which are Longs. */
final class Functions {
    private static final Pattern NUM = Pattern.compile("-?[0-9]{1,18}");

    private Functions() {}

    interface Fn { String apply(Object key, Object value); }

    interface Pred { boolean test(Object key, Object value); }

    interface Joiner { String apply(Object key, Object left, Object right); }

    interface Agg { String apply(Object key, Object value, Object aggregate); }

    interface Merger { String apply(Object key, Object a, Object b); }

    /** A pair that a flat map makes. */
    record Pair(String key, String value) {}

    /** What a value is as a string; null stays null. */
    static String s(Object v) {
        if (v instanceof org.apache.kafka.streams.kstream.Windowed<?> w) {
            return w.key() + "@" + w.window().start() + "/" + w.window().end();
        }
        return v == null ? null : v.toString();
    }

    static String str(Object v) {
        return v == null ? "null" : s(v);
    }

    static boolean isNum(String v) {
        return v != null && NUM.matcher(v).matches();
    }

    static long num(Object v) {
        String t = s(v);
        return isNum(t) ? Long.parseLong(t) : 0;
    }

    static List<String> split(String v, String sep) {
        List<String> parts = new ArrayList<>();
        int from = 0;
        for (int at; (at = v.indexOf(sep, from)) >= 0; from = at + sep.length()) {
            parts.add(v.substring(from, at));
        }
        parts.add(v.substring(from));
        return parts;
    }

    /** The field that "I:SEP" names, or null. */
    static String field(String v, String arg) {
        if (v == null) {
            return null;
        }
        int colon = arg.indexOf(':');
        int i = Integer.parseInt(arg.substring(0, colon));
        List<String> parts = split(v, arg.substring(colon + 1));
        return i < parts.size() ? parts.get(i) : null;
    }

    private static String first(String v) {
        return v == null || v.isEmpty() ? null : new String(Character.toChars(v.codePointAt(0)));
    }

    private static String upper(String v) {
        if (v == null) {
            return null;
        }
        StringBuilder b = new StringBuilder(v);
        for (int i = 0; i < b.length(); i++) {
            char c = b.charAt(i);
            if (c >= 'a' && c <= 'z') {
                b.setCharAt(i, (char) (c - 32));
            }
        }
        return b.toString();
    }

    /** Name and argument of a function. */
    static String[] parse(String text) {
        int colon = text.indexOf(':');
        return colon < 0 ? new String[] {text, ""} : new String[] {text.substring(0, colon), text.substring(colon + 1)};
    }

    static Fn fn(String text) {
        String[] p = parse(text);
        String arg = p[1];
        return switch (p[0]) {
            case "value" -> (k, v) -> s(v);
            case "key" -> (k, v) -> s(k);
            case "null" -> (k, v) -> null;
            case "const" -> (k, v) -> arg;
            case "upper" -> (k, v) -> upper(s(v));
            case "keyUpper" -> (k, v) -> upper(s(k));
            case "prefix" -> (k, v) -> v == null ? null : arg + s(v);
            case "keyPrefix" -> (k, v) -> k == null ? null : arg + s(k);
            case "suffix" -> (k, v) -> v == null ? null : s(v) + arg;
            case "kv" -> (k, v) -> str(k) + "=" + str(v);
            case "field" -> (k, v) -> field(s(v), arg);
            case "keyField" -> (k, v) -> field(s(k), arg);
            case "firstChar" -> (k, v) -> first(s(v));
            case "keyFirstChar" -> (k, v) -> first(s(k));
            case "nullIf" -> (k, v) -> arg.equals(s(v)) ? null : s(v);
            case "keyNullIf" -> (k, v) -> arg.equals(s(k)) ? null : s(k);
            case "coalesce" -> (k, v) -> v == null ? arg : s(v);
            case "length" -> (k, v) -> v == null ? null : String.valueOf(s(v).length());
            case "add" -> (k, v) -> v == null ? null : String.valueOf(num(v) + Long.parseLong(arg));
            case "mod" -> (k, v) -> v == null ? null : String.valueOf(Math.floorMod(num(v), Long.parseLong(arg)));
            default -> throw new IllegalArgumentException("function " + text);
        };
    }

    static Pred pred(String text) {
        String[] p = parse(text);
        String arg = p[1];
        return switch (p[0]) {
            case "true" -> (k, v) -> true;
            case "false" -> (k, v) -> false;
            case "contains" -> (k, v) -> v != null && s(v).contains(arg);
            case "eq" -> (k, v) -> arg.equals(s(v));
            case "keyEq" -> (k, v) -> arg.equals(s(k));
            case "keyIn" -> {
                List<String> in = split(arg, ",");
                yield (k, v) -> k != null && in.contains(s(k));
            }
            case "isNull" -> (k, v) -> v == null;
            case "nonNull" -> (k, v) -> v != null;
            case "keyNonNull" -> (k, v) -> k != null;
            case "gt" -> (k, v) -> isNum(s(v)) && num(v) > Long.parseLong(arg);
            case "even" -> (k, v) -> isNum(s(v)) && num(v) % 2 == 0;
            default -> throw new IllegalArgumentException("predicate " + text);
        };
    }

    static List<String> flatValues(String text, Object k, Object v) {
        String[] p = parse(text);
        List<String> out = new ArrayList<>();
        switch (p[0]) {
            case "split", "splitNonEmpty" -> {
                if (v != null) {
                    out.addAll(split(s(v), p[1]));
                    if (p[0].equals("splitNonEmpty")) {
                        out.removeIf(String::isEmpty);
                    }
                }
            }
            case "repeat" -> {
                for (int i = 0; i < Integer.parseInt(p[1]); i++) {
                    out.add(s(v));
                }
            }
            case "keyAndValue" -> {
                out.add(s(k));
                out.add(s(v));
            }
            case "none" -> { }
            default -> throw new IllegalArgumentException("function " + text);
        }
        return out;
    }

    static List<Pair> flatPairs(String text, Object k, Object v) {
        String[] p = parse(text);
        List<Pair> out = new ArrayList<>();
        switch (p[0]) {
            case "splitKeyed" -> {
                if (v != null) {
                    split(s(v), p[1]).forEach(part -> out.add(new Pair(part, s(v))));
                }
            }
            case "pairs" -> {
                if (v != null) {
                    for (String part : split(s(v), p[1])) {
                        int eq = part.indexOf('=');
                        out.add(eq < 0 ? new Pair(part, null) : new Pair(part.substring(0, eq), part.substring(eq + 1)));
                    }
                }
            }
            case "selfAndSwap" -> {
                out.add(new Pair(s(k), s(v)));
                out.add(new Pair(s(v), s(k)));
            }
            case "none" -> { }
            default -> throw new IllegalArgumentException("function " + text);
        }
        return out;
    }

    static Joiner joiner(String name) {
        return switch (name) {
            case "concat" -> (k, l, r) -> str(l) + "|" + str(r);
            case "withKey" -> (k, l, r) -> str(k) + ":" + str(l) + "|" + str(r);
            case "left" -> (k, l, r) -> s(l);
            case "right" -> (k, l, r) -> s(r);
            case "sum" -> (k, l, r) -> String.valueOf(num(l) + num(r));
            case "nullIfRightNull" -> (k, l, r) -> r == null ? null : str(l) + "|" + str(r);
            case "nullIfEqual" -> (k, l, r) -> str(l).equals(str(r)) ? null : str(l) + "|" + str(r);
            default -> throw new IllegalArgumentException("joiner " + name);
        };
    }

    private static boolean empty(Object a) {
        return a == null || s(a).isEmpty();
    }

    private static String concat(Object a, Object v) {
        return empty(a) ? str(v) : s(a) + "," + str(v);
    }

    static Agg agg(String text) {
        String[] p = parse(text);
        String arg = p[1];
        return switch (p[0]) {
            case "concat" -> (k, v, a) -> concat(a, v);
            case "nullWhen" -> (k, v, a) -> arg.equals(s(v)) ? null : concat(a, v);
            case "sum" -> (k, v, a) -> String.valueOf(num(a) + num(v));
            case "diff" -> (k, v, a) -> String.valueOf(num(a) - num(v));
            case "count" -> (k, v, a) -> String.valueOf(num(a) + 1);
            case "uncount" -> (k, v, a) -> String.valueOf(num(a) - 1);
            case "min" -> (k, v, a) -> String.valueOf(empty(a) ? num(v) : Math.min(num(a), num(v)));
            case "max" -> (k, v, a) -> String.valueOf(empty(a) ? num(v) : Math.max(num(a), num(v)));
            case "diffNullIfZero" -> (k, v, a) -> num(a) - num(v) == 0 ? null : String.valueOf(num(a) - num(v));
            case "last" -> (k, v, a) -> s(v);
            case "first" -> (k, v, a) -> empty(a) ? s(v) : s(a);
            case "trace" -> (k, v, a) -> str(a) + "+" + str(v);
            case "untrace" -> (k, v, a) -> str(a) + "-" + str(v);
            case "withKey" -> (k, v, a) -> str(a) + "(" + str(k) + ":" + str(v) + ")";
            case "remove" -> (k, v, a) -> {
                if (a == null) {
                    return null;
                }
                List<String> parts = split(s(a), ",");
                parts.remove(str(v));
                return String.join(",", parts);
            };
            default -> throw new IllegalArgumentException("aggregator " + text);
        };
    }

    /** A reducer, of the current value and the new one. */
    static Fn reducer(String text) {
        String[] p = parse(text);
        String arg = p[1];
        return switch (p[0]) {
            case "concat" -> (a, b) -> str(a) + "," + str(b);
            case "sum" -> (a, b) -> String.valueOf(num(a) + num(b));
            case "diff" -> (a, b) -> String.valueOf(num(a) - num(b));
            case "min" -> (a, b) -> String.valueOf(Math.min(num(a), num(b)));
            case "max" -> (a, b) -> String.valueOf(Math.max(num(a), num(b)));
            case "first" -> (a, b) -> s(a);
            case "last" -> (a, b) -> s(b);
            case "trace" -> (a, b) -> str(a) + "+" + str(b);
            case "untrace" -> (a, b) -> str(a) + "-" + str(b);
            case "nullWhen" -> (a, b) -> arg.equals(s(b)) ? null : str(a) + "," + str(b);
            default -> throw new IllegalArgumentException("reducer " + text);
        };
    }

    static Merger merger(String name) {
        return switch (name) {
            case "concat" -> (k, a, b) -> empty(a) ? s(b) : empty(b) ? s(a) : s(a) + "," + s(b);
            case "sum" -> (k, a, b) -> String.valueOf(num(a) + num(b));
            case "max" -> (k, a, b) -> empty(a) ? s(b) : empty(b) ? s(a) : String.valueOf(Math.max(num(a), num(b)));
            case "trace" -> (k, a, b) -> "[" + str(a) + "&" + str(b) + "]";
            default -> throw new IllegalArgumentException("merger " + name);
        };
    }
}

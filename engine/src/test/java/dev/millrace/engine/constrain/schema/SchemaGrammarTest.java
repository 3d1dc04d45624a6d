package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.Grammar;
import dev.millrace.engine.constrain.GrammarException;
import dev.millrace.engine.constrain.Texts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.*;

@Timeout(300)
class SchemaGrammarTest {

    private static final JsonMapper MAPPER = JsonMapper.shared();

    private static Grammar grammar(String schema) {
        return SchemaGrammar.of(MAPPER.readTree(json(schema)), false);
    }

    private static String json(String text) {
        return text.replace('\'', '"').replace('~', '\n');
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{'type': 'string'} | 'a\\u00e9\\n\\ud83d\\ude00/\\/' | 'a\\ud800'",
        "{'type': ['integer', 'null']} | -120 | 1.5", "{'type': 'number'} | -1.25e-7 | 01",
        "{'const': {'a': [1, 'x']}} | {'a': [1, 'x']} | {'a': [1]}",
        "{'enum': ['a', 2, null]} | 2 | 'b'",
        "{'type': 'string', 'enum': ['a', 2]} | 'a' | 2",
        "{'type': 'array', 'items': {'type': 'boolean'}, 'minItems': 1} | [true, false] | []",
        "{'prefixItems': [{'type': 'integer'}, {'type': 'string'}], 'items': false} "
                + "| [1,'x'] | [1,'x',2]",
        "{'type': 'array', 'items': {}, 'maxItems': 2} | [1,{'a':[]}] | [1,2,3]",
        "{'type': 'string', 'minLength': 2, 'maxLength': 3} | '中é\\n' | 'abcd'",
        "{'type': 'string', 'pattern': 'b+'} | 'abc' | 'ac'",
        "{'type': 'string', 'pattern': '^a*$', 'maxLength': 2} | 'aa' | 'aaa'",
        "{'type': 'string', 'pattern': '^.{2}$'} | '\\'\\\\' | 'a'",
        "{'type': 'integer', 'minimum': -12, 'exclusiveMaximum': 105} | 104 | 105",
        "{'type': 'integer', 'minimum': -12, 'exclusiveMaximum': 105} | -12 | -13",
        "{'type': 'integer', 'exclusiveMinimum': 2.5} | 3 | 2",
        "{'type': 'number', 'minimum': 0.25} | 0.25 | 0.2499",
        "{'type': 'number', 'exclusiveMinimum': 0} | 0.001 | 0.00",
        "{'type': 'number', 'minimum': -1.5, 'maximum': 2} | -1.5 | -1.51",
        "{'type': 'number', 'minimum': -1.5, 'maximum': 2} | 2.000 | 2.01",
        "{'type': 'integer', 'multipleOf': 7, 'minimum': 0, 'maximum': 100} | 98 | 99",
        "{'type': 'number', 'multipleOf': 0.01} | 19.99 | 19.999",
        "{'properties': {'a': {}, 'b': {'type': 'null'}}, 'required': ['b']} "
                + "| {'b': null} | {'a': 1}",
        "{'properties': {'a': {}, 'b': {'type': 'null'}}, 'required': ['b']} "
                + "| {'a': [{}], 'b':null} | {'b':null,'c':1}",
        "{'properties': {'a': true}, 'additionalProperties': {'type': 'integer'}} "
                + "| {'a': 'x', 'b': 1, 'c': 2} | {'b': 'x'}",
        "{'properties': {'a': {'type': 'null'}}, 'additionalProperties': true} "
                + "| {'ab': 1} | {'a': 1}",
        "{'additionalProperties': {'type': 'integer'}, 'maxProperties': 2} "
                + "| {'x':1,'y':2} | {'x':1,'y':2,'z':3}",
        "{'propertyNames': {'enum': ['x', 'y']}, 'additionalProperties': true} "
                + "| {'x':1} | {'z':1}",
        "{'properties': {'a': true}, 'minProperties': 1} | {'a':0} | {}",
        "{'anyOf': [{'type': 'integer'}, {'type': 'string', 'maxLength': 1}]} | 'x' | 'xy'",
        "{'allOf': [{'properties': {'a': {'minimum': 3}}, 'required': ['a']}, "
                + "{'properties': {'a': {'type': 'integer'}}}]} | {'a':3} | {'a':2}",
        "{'oneOf': [{'properties': {'k': {'const': 'x'}, 'v': {'type': 'null'}}, "
                + "'required': ['k', 'v'], 'type': 'object'}, {'type': 'object', "
                + "'properties': {'k': {'const': 'y'}}, 'required': ['k']}]} "
                + "| {'k':'x','v':null} | {'k':'x'}",
        "{'$ref': '#/$defs/list', '$defs': {'list': {'anyOf': [{'type': 'null'}, {'type': 'object',"
                + " 'properties': {'next': {'$ref': '#/$defs/list'}}, 'required': ['next'], "
                + "'additionalProperties': false}]}}} | {'next': {'next': null}} | {'next': {}}",
        "{'type': 'object', 'properties': {'child': {'$ref': '#'}}} "
                + "| {'child':{'child':{}}} | {'child':1}",
        "{'$ref': '#n', '$defs': {'x': {'$anchor': 'n', 'type': 'null'}}} | null | 1",
        "{'type': 'string', 'format': 'date'} | '2024-02-29' | '2023-02-29'",
        "{'type': 'string', 'format': 'date-time'} | '2023-12-31T23:59:59.5Z' "
                + "| '2023-12-31T24:00:00Z'",
        "{'type': 'string', 'format': 'ipv4'} | '192.168.0.255' | '192.168.0.256'",
        "{'type': 'string', 'format': 'ipv6'} | '2001:db8::1' | '1::2::3'",
        "{'type': 'string', 'format': 'uuid'} | '123e4567-e89b-12d3-a456-426614174000' | 'x'",
        "{'type': 'string', 'format': 'email'} | 'a.b+c@example.org' | 'a@b@c.de'",
        "{'type': 'string', 'format': 'uri'} | 'https://a.example/b?c=d#e' | 'a b'",
        "true | [null, {'a': {}}] | [1,]", "{} | {'a':~  [1, 2]~} | {'a':~~1}",
        "{'title': 'x', 'description': '::= \\'}', 'x-own': 1, 'type': 'null'} | null | 1"})
    void acceptsWhatIsValid(String schema, String valid, String invalid) {
        Grammar grammar = grammar(schema);

        assertThat(Texts.accepts(grammar, json(valid))).as(valid).isTrue();
        assertThat(Texts.accepts(grammar, json(invalid))).as(invalid).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{'not': {}} | schema.not is not supported", "{'if': {}} | schema.if",
        "{'type': 'array', 'uniqueItems': true} | uniqueItems", "{'contains': {}} | contains",
        "{'patternProperties': {'a': {}}} | patternProperties",
        "{'properties': {'a': {'unevaluatedItems': false}}} "
                + "| schema.properties.a.unevaluatedItems",
        "{'dependentRequired': {}} | dependentRequired", "{'$dynamicRef': '#x'} | $dynamicRef",
        "{'type': 'text'} | schema.type must be", "{'enum': 5} | schema.enum must be an array",
        "{'enum': []} | no text satisfies", "false | no text satisfies",
        "{'type': 'string', 'format': 'idn-email'} | idn-email is not supported",
        "{'type': 'string', 'pattern': '(?=a)'} | look-around",
        "{'$ref': 'http://other/schema'} | only references within",
        "{'$ref': '#/$defs/x'} | is not there",
        "{'$ref': '#'} | never ends", "{'anyOf': [{'$ref': '#'}, {'type': 'null'}]} | never ends",
        "{'allOf': [{'$ref': '#/$defs/a'}], '$defs': {'a': {'$ref': '#/$defs/b'}, "
                + "'b': {'allOf': [{'$ref': '#/$defs/a'}]}}} | never ends",
        "{'type': 'object', 'properties': {'a': {'$ref': '#'}}, 'required': ['a']} "
                + "| no text satisfies",
        "{'oneOf': [{'type': 'integer'}, {'type': 'number'}]} | may both hold",
        "{'oneOf': [{'required': ['a']}, {'required': ['b']}]} | may both hold",
        "{'properties': {'a': 5}} | schema.properties.a must be an object",
        "{'items': [{}]} | schema.items must be a schema", "{'minItems': -1} | schema.minItems",
        "{'maxLength': 'x'} | schema.maxLength", "{'anyOf': []} | must not be empty",
        "{'type': 'string', 'maxLength': 1000000000} | too large",
        "{'type': 'array', 'items': {}, 'minItems': 1000000000} | too large",
        "{'type': 'integer', 'multipleOf': 7} | multipleOf 7",
        "{'type': 'integer', 'minimum': 1e400} | too large",
        "{'type': 'integer', 'minimum': 1e40} | at most 18 digits",
        "{'additionalProperties': {}, 'minProperties': 2} | minProperties", "[1] | a schema must",
        "{'const': '\\ud800'} | surrogate"})
    void whatCannotBeEnforcedIsRefusedByName(String schema, String complaint) {
        assertThatThrownBy(() -> Texts.accepts(grammar(schema), ""))
                .isInstanceOf(GrammarException.class).hasMessageContaining(complaint);
    }

    @Test
    void alternativesDoNotMultiplyWithoutLimit() {
        StringBuilder all = new StringBuilder("{'allOf': [{}");
        for (int i = 0; i < 30; i++) {
            all.append(", {'anyOf': [{'minLength': 1}, {'maxLength': 9}]}");
        }
        assertThatThrownBy(() -> grammar(all + "]}")).isInstanceOf(GrammarException.class)
                .hasMessageContaining("more than 256 alternatives");
    }

    @Test
    void anEnumOfAMillionIsRefused() {
        StringBuilder values = new StringBuilder("{'enum': [0");
        for (int i = 1; i < 1_000_000; i++) {
            values.append(',').append(i);
        }
        assertThatThrownBy(() -> grammar(values + "]}")).isInstanceOf(GrammarException.class)
                .hasMessageContaining("schema.enum has 1000000 values");
    }

    @Test
    void manyMembersMayAllBeOptional() {
        StringBuilder members = new StringBuilder("{'type': 'object', 'properties': {");
        for (int i = 0; i < 300; i++) {
            members.append(i == 0 ? "" : ",").append("'m").append(i).append("': {}");
        }
        Grammar grammar = grammar(members + "}}");

        assertThat(Texts.accepts(grammar, "{}")).isTrue();
        assertThat(Texts.accepts(grammar, "{\"m7\":1,\"m70\": [2], \"m299\": {}}")).isTrue();
        assertThat(Texts.accepts(grammar, "{\"m70\":1,\"m7\": 2}")).isFalse();
    }

    @Test
    void compactTextHasNoWhiteSpaceBetweenValues() {
        Grammar grammar = SchemaGrammar.anyObject(true);

        assertThat(Texts.accepts(grammar, "{\"a b\":[1,{}]}")).isTrue();
        assertThat(Texts.accepts(grammar, "{\"a b\": 1}")).isFalse();
        assertThat(Texts.accepts(SchemaGrammar.anyObject(false), "{\"a b\": 1}")).isTrue();
        assertThat(Texts.accepts(SchemaGrammar.anyObject(false), "[]")).isFalse();
    }

    /** A good text and a wrong one, for schemas of objects whose members stand by themselves. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', nullValues = "none", value = {
        "PYTHON | {'a': {'type': 'string'}, 'b': {'type': 'boolean'}} | a="
                + "'x', b=True | b=True, a='x'",
        "PYTHON | {'a': {'type': 'string'}, 'b': {'type': 'boolean'}} | b=false | b=1",
        "PYTHON | {'a': {'type': ['integer', 'null'], 'minimum': 3}} | a=None | a=2",
        "PYTHON | {'a': {'enum': ['x', true]}} | a=True | a=False",
        "PYTHON | {'a': {'items': {'type': 'integer'}}} | a=[1, 2] | a=['x']",
        "PYTHON | {'a': {}} | a={'x': [true]} | b=1",
        "MARKUP | {'a': {'type': 'string', 'maxLength': 3}} | <parameter=a>~x'y~</parameter>~ "
                + "| <parameter=a>~1234~</parameter>~",
        "MARKUP | {'a': {'type': 'string', 'pattern': '^[ab]+$'}} | <parameter=a>~ab~</parameter>~ "
                + "| <parameter=a>~c~</parameter>~",
        "MARKUP | {'a': {'type': 'string'}} | <parameter=a>~<b>~~</parameter>~ "
                + "| <parameter=a>~</parameter>~</parameter>~",
        "MARKUP | {'a': {'enum': ['x y', 'z']}} | <parameter=a>~x y~</parameter>~ "
                + "| <parameter=a>~'z'~</parameter>~",
        "MARKUP | {'a': {'type': 'integer'}, 'b': {'type': 'object'}} "
                + "| <parameter=a>~1~</parameter>~<parameter=b>~{'c': 1}~</parameter>~ "
                + "| <parameter=a>~x~</parameter>~",
        "MARKUP | {'a': {'$ref': '#/$defs/t'}} | <parameter=a>~True~</parameter>~ "
                + "| <parameter=a>~yes~</parameter>~",
        "MARKUP | {'a': {'anyOf': [{'const': 'x'}, {'type': 'null'}]}} "
                + "| <parameter=a>~null~</parameter>~ | <parameter=a>~y~</parameter>~"})
    void membersMayStandByThemselves(MemberSpelling spelling, String members, String good,
            String wrong) {
        Grammar grammar = SchemaGrammar.members(MAPPER.readTree(json("{'properties': " + members
                + ", '$defs': {'t': {'type': 'boolean'}}}")), spelling);

        assertThat(Texts.accepts(grammar, json(good))).isTrue();
        assertThat(Texts.accepts(grammar, json(wrong))).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "PYTHON | {'properties': {'a-b': {}}} | cannot be spelled",
        "MARKUP | {'properties': {'a>b': {}}} | cannot be spelled",
        "MARKUP | {'additionalProperties': {'type': 'integer'}} | not named",
        "PYTHON | {'const': {}} | enum or const"})
    void whatCannotStandByItselfIsRefused(MemberSpelling spelling, String schema, String reason) {
        assertThatExceptionOfType(GrammarException.class).isThrownBy(
                () -> SchemaGrammar.members(MAPPER.readTree(json(schema)), spelling))
                .withMessageContaining(reason);
    }
}

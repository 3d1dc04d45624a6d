package dev.millrace.server.responses;

import dev.millrace.engine.FinishReason;
import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.fixtures.RawClient;
import dev.millrace.server.fixtures.RecordingMeter;
import dev.millrace.server.fixtures.TestStorage;
import dev.millrace.server.store.ResponseStore;
import dev.millrace.server.store.StoredResponse;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.Role;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

import static org.assertj.core.api.Assertions.*;

/** The Responses API over HTTP, its answers held against OpenAI's description of them. */
@Timeout(300)
class ResponsesTest {

    private static final String PATH = "/v1/responses";
    private static final String SAID = "<think>Up.</think>I look.\n<tool_call>\n"
            + "{\"name\": \"look\", \"arguments\": {\"where\": \"up\"}}\n</tool_call>";
    private static final String TOOLS = ",'tools':[{'type':'function','name':'look',"
            + "'parameters':{'type':'object','properties':{'where':{'type':'string'}}}}]";

    @TempDir
    static Path folder;

    private static TestStorage storage;
    private static KeyStore keyStore;
    private static KeyRing keys;
    private static LiveServer server;
    private static String mine;
    private static String theirs;

    @BeforeAll
    static void start() {
        Path ledger = folder.resolve("ledger.db");
        keyStore = KeyStore.open(ledger);
        mine = key("mine");
        theirs = key("theirs");
        keys = KeyRing.open(ledger);
        storage = new TestStorage(folder);
        server = LiveServer.with(new ScriptedForwardPass(NextToken.answer(SAID)))
                .template(ChatTemplate.compile("{# <think> <tool_call> #}"
                        + "{{ (tools or []) | tojson }}{{ messages | tojson }}"))
                .context(4096).keys(keys).storage(storage.storage()).start();
    }

    private static String key(String name) {
        return keyStore.create(new ApiKey("", name, "team-" + name, Role.TENANT, 0, 0, Set.of(),
                0, 0)).secret();
    }

    @AfterAll
    static void stop() {
        server.close();
        storage.close();
        keys.close();
        keyStore.close();
    }

    private static HttpResponse<String> send(String key, String method, String path, String body)
            throws Exception {
        return server.send(HttpRequest.newBuilder(server.uri(path))
                .header("Content-Type", "application/json").header("Authorization", "Bearer " + key)
                .method(method, BodyPublishers.ofString(body.replace('\'', '"'))).build());
    }

    private static JsonNode good(String method, String path, String body) throws Exception {
        HttpResponse<String> response = send(mine, method, path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return LiveServer.json(response.body());
    }

    private static JsonNode create(String more) throws Exception {
        JsonNode response = good("POST", PATH, body(more));
        ResponseEventList.expectConforming(response, "Response");
        return response;
    }

    private static String body(String more) {
        return "{'model':'scripted'" + (more.contains("'input'") ? "" : ",'input':'hi'") + more
                + "}";
    }

    private static String id(JsonNode object) {
        return object.get("id").stringValue();
    }

    @Test
    void aResponseHasThoughtsTextCallsUsageAndCost() throws Exception {
        JsonNode response = create(TOOLS + ",'instructions':'be kind','metadata':{'a':'b'},"
                + "'include':['message.output_text.logprobs'],'top_logprobs':1,'user':'me'");

        JsonNode output = response.get("output");
        assertThat(output).extracting(item -> item.get("type").stringValue())
                .containsExactly("reasoning", "message", "function_call");
        assertThat(output.at("/0/content/0/text").stringValue()).isEqualTo("Up.");
        assertThat(output.at("/1/content/0/text").stringValue()).isEqualTo("I look.");
        StringBuilder spelled = new StringBuilder();
        output.at("/1/content/0/logprobs").values().forEach(token -> {
            assertThat(token.get("top_logprobs")).hasSize(1);
            spelled.append(token.get("token").stringValue());
        });
        assertThat(spelled.toString()).contains("I look.");
        assertThat(output.at("/2/name").stringValue()).isEqualTo("look");
        assertThat(output.at("/2/arguments").stringValue()).isEqualTo("{\"where\": \"up\"}");
        assertThat(output.at("/2/status").stringValue()).isEqualTo("completed");
        assertThat(response.get("status").stringValue()).isEqualTo("completed");
        assertThat(response.get("instructions").stringValue()).isEqualTo("be kind");
        assertThat(response.at("/metadata/a").stringValue()).isEqualTo("b");
        JsonNode usage = response.get("usage");
        assertThat(usage.at("/output_tokens_details/reasoning_tokens").intValue()).isPositive();
        assertThat(usage.at("/cost_details/nano_usd").longValue()).isEqualTo(
                usage.get("input_tokens").intValue() * RecordingMeter.PROMPT_NANO_USD
                        + usage.get("output_tokens").intValue()
                                * RecordingMeter.COMPLETION_NANO_USD);
        assertThat(server.meter().opened()).anyMatch(request -> request.endpoint().equals(PATH)
                && request.requestId().equals(id(response)));
    }

    @Test
    void aStreamHasOpenAisEventsInTheirOrder() throws Exception {
        HttpResponse<String> http = send(mine, "POST", PATH, body(TOOLS + ",'stream':true"));
        List<JsonNode> events = ResponseEventList.read(http.body());

        assertThat(http.headers().firstValue("Content-Type").orElseThrow())
                .startsWith("text/event-stream");
        assertThat(events.stream().map(ResponseEventList::type).distinct()).containsExactly(
                "response.created", "response.in_progress", "response.output_item.added",
                "response.content_part.added", "response.reasoning_text.delta",
                "response.reasoning_text.done", "response.content_part.done",
                "response.output_item.done", "response.output_text.delta",
                "response.output_text.done", "response.function_call_arguments.delta",
                "response.function_call_arguments.done", "response.completed");
        JsonNode last = events.getLast().get("response");
        StringBuilder arguments = new StringBuilder();
        events.stream().filter(event -> ResponseEventList.type(event).endsWith("arguments.delta"))
                .forEach(event -> arguments.append(event.get("delta").stringValue()));
        assertThat(arguments).hasToString(last.at("/output/2/arguments").stringValue());
        assertThat(last.at("/usage/cost").doubleValue()).isPositive();
        assertThat(good("GET", PATH + "/" + id(last), "")).isEqualTo(last);
    }

    @Test
    void aConversationGoesOnFromWhatWasStored() throws Exception {
        JsonNode first = create(TOOLS + ",'instructions':'be kind'");
        String call = first.at("/output/2/call_id").stringValue();
        String result = "{'type':'function_call_output','call_id':'" + call
                + "','output':'a mill'}";
        JsonNode second = create(TOOLS + ",'previous_response_id':'" + id(first) + "','input':["
                + result + "]");
        JsonNode whole = create(TOOLS + ",'store':false,'input':[{'role':'user','content':'hi'},"
                + first.get("output").toString().replaceAll("^\\[|]$", "") + "," + result + "]");

        assertThat(second.get("previous_response_id").stringValue()).isEqualTo(id(first));
        assertThat(second.at("/usage/input_tokens")).isEqualTo(whole.at("/usage/input_tokens"));
        assertThat(second.get("instructions").isNull()).isTrue();
        JsonNode referring = create(",'input':[{'type':'item_reference','id':'"
                + id(first.at("/output/1")) + "'},{'id':'" + id(first.at("/output/0")) + "'}]");
        assertThat(referring.at("/status").stringValue()).isEqualTo("completed");
        JsonNode counted = good("POST", PATH + "/input_tokens", body(TOOLS
                + ",'previous_response_id':'" + id(first) + "','input':[" + result + "]"));
        assertThat(counted.get("input_tokens")).isEqualTo(second.at("/usage/input_tokens"));
        ResponseEventList.expectConforming(counted, "TokenCountsResource");
        send(mine, "DELETE", PATH + "/" + id(first), "");
        assertThat(send(mine, "POST", PATH, body(",'previous_response_id':'" + id(second) + "'"))
                .body()).contains("continues " + id(first) + ", which was deleted");
    }

    @Test
    void compactingIsRefusedWithWhatToDoInstead() throws Exception {
        HttpResponse<String> refused = send(mine, "POST", PATH + "/compact", body(""));

        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("unsupported_endpoint", "truncation: \\\"auto\\\"");
    }

    @Test
    void whatIsStoredIsItsTenantsAlone() throws Exception {
        String path = PATH + "/" + id(create(",'input':[{'role':'user','content':'a'},"
                + "{'role':'assistant','content':'b'},{'role':'developer','content':"
                + "[{'type':'input_text','text':'c'}]}]"));
        String unstored = id(create(",'store':false"));

        for (String what : List.of("GET ", "DELETE ", "POST /cancel", "GET /input_items")) {
            String[] parts = what.split(" ", 2);
            assertThat(send(theirs, parts[0], path + parts[1], "").statusCode()).isEqualTo(404);
        }
        assertThat(send(theirs, "POST", PATH, body(",'previous_response_id':'"
                + path.substring(PATH.length() + 1) + "'")).statusCode()).isEqualTo(404);
        JsonNode page = good("GET", path + "/input_items?limit=2", "");
        ResponseEventList.expectConforming(page, "ResponseItemList");
        assertThat(page.get("data")).extracting(item -> item.get("role").stringValue())
                .containsExactly("developer", "assistant");
        assertThat(page.get("has_more").booleanValue()).isTrue();
        JsonNode rest = good("GET", path + "/input_items?order=desc&after="
                + page.get("last_id").stringValue(), "");
        assertThat(rest.at("/data/0/content/0/text").stringValue()).isEqualTo("a");
        assertThat(send(mine, "POST", path + "/cancel", "").body())
                .contains("not made in the background");
        for (String wrong : List.of("?stream=true", "?starting_after=3",
                "?stream=true&starting_after=-2", "/input_items?limit=0",
                "/input_items?order=up", "/input_items?after=nothing")) {
            assertThat(send(mine, "GET", path + wrong, "").statusCode()).as(wrong).isEqualTo(400);
        }
        assertThat(good("DELETE", path, "").get("deleted").booleanValue()).isTrue();
        assertThat(send(mine, "GET", path, "").statusCode()).isEqualTo(404);
        assertThat(send(mine, "GET", PATH + "/" + unstored, "").statusCode()).isEqualTo(404);
    }

    @Test
    void aResponseInTheBackgroundIsFollowedFromAnywhere() throws Exception {
        List<JsonNode> events = ResponseEventList.read(send(mine, "POST", PATH,
                body(TOOLS + ",'background':true,'stream':true")).body());
        JsonNode last = events.getLast().get("response");
        String path = PATH + "/" + id(last);

        assertThat(events.stream().map(ResponseEventList::type)).startsWith("response.created",
                "response.queued", "response.in_progress").endsWith("response.completed");
        assertThat(good("GET", path, "")).isEqualTo(last);
        String rest = send(mine, "GET", path + "?stream=true&starting_after=7", "").body();
        assertThat(rest.split("\n\n")).hasSize(events.size() - 8);
        assertThat(rest).startsWith("event: " + ResponseEventList.type(events.get(8)))
                .contains("\"sequence_number\":8,");
        assertThat(send(theirs, "GET", path + "?stream=true", "").statusCode()).isEqualTo(404);
        assertThat(send(theirs, "POST", path + "/cancel", "").statusCode()).isEqualTo(404);
        assertThat(good("POST", path + "/cancel", "")).isEqualTo(last);
        new ResponseStore(storage.database())
                .keep(new StoredResponse("resp_cut", "team-mine", null, null,
                        "{\"status\":\"queued\",\"background\":true}", List.of()));
        assertThat(good("GET", PATH + "/resp_cut", "").get("status").stringValue())
                .isEqualTo("failed");
    }

    @Test
    void aResponseInTheBackgroundGoesOnUntilItIsCancelled() throws Exception {
        try (LiveServer endless = LiveServer.endless(2_000_000).storage(storage.storage())
                .start()) {
            JsonNode queued = endless.answer(PATH, body(",'background':true").replace('\'', '"'));
            String path = PATH + "/" + id(queued);
            assertThat(queued.get("status").stringValue()).isIn("queued", "in_progress");
            try (RawClient client = new RawClient(endless.port())) {
                client.send("GET " + path + "?stream=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
                client.readUntil("output_text.delta");
            }
            assertThat(LiveServer.json(endless.get(path).body()).get("status").stringValue())
                    .isEqualTo("in_progress");
            assertThat(endless.post(PATH, body(",'previous_response_id':'" + id(queued) + "'")
                    .replace('\'', '"')).body()).contains("has not ended");
            JsonNode cancelled = endless.answer(path + "/cancel", "{}");

            assertThat(cancelled.get("status").stringValue()).isEqualTo("cancelled");
            assertThat(cancelled.at("/output/0/status").stringValue()).isEqualTo("incomplete");
            ResponseEventList.expectConforming(cancelled, "Response");
            assertThat(endless.meter().finished()).extracting(end -> end.reason())
                    .containsExactly(FinishReason.CANCELLED);
            assertThat(new ResponseStore(storage.database()).find("local", id(queued)).orElseThrow()
                    .object()).contains("cancelled");
        }
    }

    @Test
    void anAnswerThatIsCutShortIsIncomplete() throws Exception {
        JsonNode cut = create(TOOLS + ",'max_output_tokens':50");

        assertThat(cut.get("status").stringValue()).isEqualTo("incomplete");
        assertThat(cut.at("/incomplete_details/reason").stringValue())
                .isEqualTo("max_output_tokens");
        assertThat(cut.get("output").get(cut.get("output").size() - 1).get("status").stringValue())
                .isEqualTo("incomplete");
    }

    @Test
    void theOldestTurnsAreLeftOutWhereThatIsAllowed() throws Exception {
        String turn = "{'role':'user','content':'" + "x".repeat(600) + "'},"
                + "{'role':'assistant','content':'ok'},";
        String input = ",'max_output_tokens':100,'instructions':'be kind','input':["
                + turn.repeat(9) + "{'role':'user','content':'last'}]";

        JsonNode fits = create(",'truncation':'auto'" + input);
        HttpResponse<String> refused = send(mine, "POST", PATH, body(input));

        assertThat(fits.at("/usage/input_tokens").intValue()).isBetween(3300, 3996);
        assertThat(LiveServer.json(refused.body()).at("/error/code").stringValue())
                .isEqualTo("context_length_exceeded");
        assertThat(good("GET", PATH + "/" + id(fits) + "/input_items?limit=100", "").get("data"))
                .hasSize(19);
    }

    @Test
    void whatCannotBeStoredIsAnsweredAllTheSame() throws Exception {
        TestStorage closed = new TestStorage(folder);
        closed.close();
        try (LiveServer broken = LiveServer.with(new ScriptedForwardPass(
                NextToken.answer("ok"))).storage(closed.storage()).start()) {
            JsonNode response = broken.answer(PATH, body("").replace('\'', '"'));

            assertThat(response.at("/output/0/content/0/text").stringValue()).isEqualTo("ok");
            assertThat(response.get("store").booleanValue()).isFalse();
            assertThat(broken.get(PATH + "/" + id(response)).statusCode()).isEqualTo(503);
        }
    }

    @Test
    void aFailureWithinAStreamIsAnEventAndStored() throws Exception {
        try (LiveServer failing = LiveServer.endless(0).start()) {
            failing.pass().poisonWhen(row -> row.computedTokens() > 40);
            List<JsonNode> events = ResponseEventList.read(failing.post(PATH,
                    body(",'stream':true").replace('\'', '"')).body());

            assertThat(ResponseEventList.type(events.getLast())).isEqualTo("response.failed");
            JsonNode response = events.getLast().get("response");
            assertThat(response.at("/error/code").stringValue()).isEqualTo("server_error");
            assertThat(response.get("store").booleanValue()).isFalse();
            assertThat(failing.post(PATH, body(",'store':true").replace('\'', '"')).body())
                    .contains("keeps no responses");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        ",'background':true,'store':false | background", ",'conversation':'c' | conversation",
        ",'prompt':{'id':'p'} | prompt", ",'truncation':'some' | truncation",
        ",'messages':[] | messages", ",'max_tokens':5 | max_tokens", ",'n':2 | n",
        ",'max_output_tokens':15 | max_output_tokens", ",'max_tool_calls':0 | max_tool_calls",
        ",'temperature':2.5 | temperature", ",'top_p':-1 | top_p", ",'top_k':'a' | top_k",
        ",'top_logprobs':21 | top_logprobs", ",'service_tier':'scale' | service_tier",
        ",'include':['web_search_call.results'] | include[0]",
        ",'stream_options':{'include_obfuscation':true} | stream_options.include_obfuscation",
        ",'reasoning':{'summary':'concise'} | reasoning.summary",
        ",'reasoning':{'effort':'huge'} | reasoning.effort",
        ",'text':{'verbosity':'low'} | text.verbosity",
        ",'text':{'format':{'type':'xml'}} | text.format.type",
        ",'text':{'format':{'type':'json_schema','name':'a b','schema':{}}} | text.format.name",
        ",'tools':[{'type':'web_search'}] | tools[0].type",
        ",'tools':[{'type':'mcp'}] | tools[0].type",
        ",'tools':[{'type':'function','name':'a b'}] | tools[0].name",
        ",'tool_choice':'required' | tool_choice",
        ",'tool_choice':{'type':'function','name':'f'} | tool_choice.name",
        ",'tool_choice':{'type':'file_search'} | tool_choice.type",
        ",'metadata':{'a':1} | metadata.a", ",'previous_response_id':'r' | previous_response_id",
        ",'input':[] | input", ",'input':5 | input", ",'input':[{'role':'tool'}] | input[0].role",
        ",'input':[{'type':'image_generation_call'}] | input[0].type",
        ",'input':[{'role':'user','content':[{'type':'input_image'}]}] | input[0].content[0].type",
        ",'input':[{'type':'item_reference','id':'x'}] | input[0].id",
        ",'input':[{'type':'function_call_output','call_id':'x','output':'y'}] | input",
        ",'input':[{'type':'reasoning','summary':[],'encrypted_content':'x'}] |"
                + " input[0].encrypted_content"})
    void whatCannotBeHonouredIsRefusedByName(String more, String param) throws Exception {
        HttpResponse<String> refused = send(mine, "POST", PATH, body(more));

        assertThat(refused.statusCode()).as(refused.body()).isBetween(400, 404);
        ResponseEventList.expectConforming(LiveServer.json(refused.body()), "ErrorResponse");
        JsonNode error = LiveServer.json(refused.body()).get("error");
        assertThat(error.get("param").stringValue()).isEqualTo(param);
        assertThat(error.get("message").stringValue())
                .contains(param.replaceAll("\\..*|\\[.*", ""));
    }

    @Test
    void thoughtsAreShownAsASummaryWhereOneIsWanted() throws Exception {
        ObjectNode request = (ObjectNode) JsonMapper.shared().readTree(body(
                ",'reasoning':{'summary':'auto'},'stream':true").replace('\'', '"'));
        List<JsonNode> events = ResponseEventList.read(
                send(mine, "POST", PATH, request.toString()).body());

        assertThat(events.stream().map(ResponseEventList::type)).contains(
                "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta",
                "response.reasoning_summary_text.done", "response.reasoning_summary_part.done");
        assertThat(events.getLast().at("/response/output/0/summary/0/text").stringValue())
                .isEqualTo("Up.");
    }
}

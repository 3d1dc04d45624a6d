package dev.millrace.server.dialogue;

import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Grammar;
import dev.millrace.models.ChatPrompt;
import dev.millrace.models.template.ChatTemplate;
import dev.millrace.models.text.TextSpan;
import dev.millrace.models.text.Tokenizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * How one model spells conversations and its own turns: found out from its template and tokenizer.
 * Safe to share between threads.
 */
public final class TurnFormat {

    private static final String ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            + "abcdefghijklmnopqrstuvwxyz0123456789";
    private static final int ID_LENGTH = 24;
    private static final int SHORT_ID_LENGTH = 9;

    private final ChatTemplate template;
    private final Tokenizer tokenizer;
    private final ToolFormat tools;
    private final Optional<ThinkingMarkers> thinking;
    private final TemplateTraits traits;
    private final ThinkingSwitches switches;
    private final Map<Integer, String> markers;

    /** @param named the format of calls where one was asked for by name */
    public TurnFormat(ChatTemplate template, Tokenizer tokenizer, Optional<ToolFormat> named) {
        this.template = template;
        this.tokenizer = tokenizer;
        tools = named.orElseGet(() -> ToolFormat.detect(template.source()));
        thinking = tools == ToolFormat.HARMONY
                ? Optional.of(ThinkingMarkers.HARMONY)
                : ThinkingMarkers.detect(template.source());
        TemplateTraits found = TemplateTraits.of(template, ChatPrompt.specialTokens(tokenizer));
        traits = tools == ToolFormat.JSON ? found.withoutTools() : found;
        switches = ThinkingSwitches.of(template, tokenizer);
        List<String> texts = new ArrayList<>(tools.markers());
        thinking.ifPresent(known -> texts.addAll(List.of(known.open(), known.close())));
        markers = controlTokens(texts);
    }

    /** Those of the texts that are tokens without bytes, by token. */
    private Map<Integer, String> controlTokens(List<String> texts) {
        Map<Integer, String> found = new HashMap<>();
        for (String text : texts) {
            for (int token : tokenizer.encode(List.of(new TextSpan(text, true)), false)) {
                if (tokenizer.piece(token).equals(text) && tokenizer.bytes(token).length == 0) {
                    found.put(token, text);
                }
            }
        }
        return Map.copyOf(found);
    }

    /** How the model spells its calls. */
    public ToolFormat tools() {
        return tools;
    }

    /** What the model's thoughts stand between; empty for a model that has none. */
    public Optional<ThinkingMarkers> thinking() {
        return thinking;
    }

    /** What the template shall see for an effort: OpenAI's words, {@code none} or more. */
    public Map<String, Object> variables(String effort) {
        return switches.variables(effort);
    }

    /** Whether the template itself knows more efforts than some and none. */
    public boolean knowsEfforts() {
        return switches.effort();
    }

    /** Whether the model thinks before it answers, or can. */
    public boolean thinks() {
        return thinking.isPresent();
    }

    /** Control tokens that mean something to the parser, with the text that it knows them by. */
    public Map<Integer, String> markers() {
        return markers;
    }

    /**
     * Spells a conversation up to where the model's turn begins.
     *
     * @param messages  with {@code role}, {@code content} and what else templates know
     * @param offered   tools that the model is told of
     * @param variables what else the template sees
     * @throws dev.millrace.models.template.TemplateException if the template refuses it
     */
    public List<TextSpan> prompt(List<Map<String, Object>> messages, List<Tool> offered,
            Map<String, Object> variables) {
        Map<String, Object> more = new LinkedHashMap<>(variables);
        List<Tool> instructed = offered;
        if (traits.tools() && !offered.isEmpty()) {
            more.put("tools", offered.stream().map(Tool::plain).toList());
            instructed = List.of();
        }
        return ChatPrompt.render(template, tokenizer,
                Conversation.rewritten(messages, instructed, traits, tools), more);
    }

    /** Where a prompt leaves the model: the template's last own words tell. */
    public ThinkingStart start(List<TextSpan> prompt) {
        if (thinking.isEmpty()) {
            return ThinkingStart.CLOSED;
        }
        String last = prompt.isEmpty() || !prompt.getLast().trusted()
                ? ""
                : prompt.getLast().text();
        int opened = last.lastIndexOf(thinking.get().open());
        int closed = last.lastIndexOf(thinking.get().close());
        if (closed > opened && last.substring(closed + thinking.get().close().length())
                .isBlank()) {
            return ThinkingStart.CLOSED;
        }
        return opened > closed ? ThinkingStart.OPENED : ThinkingStart.FREE;
    }

    /** A parser of one turn. @param use of tools; null for none */
    public TurnParser parser(ThinkingStart start, ToolUse use) {
        if (tools == ToolFormat.HARMONY) {
            return new HarmonyParser(use == null ? Set.of() : use.names());
        }
        TurnParser said = use == null ? TurnParser.plain() : CallReader.of(tools, use);
        return thinking.<TurnParser>map(markers -> new ThinkingParser(markers,
                start == ThinkingStart.OPENED, said)).orElse(said);
    }

    /**
     * The grammar of a turn.
     *
     * @param use     of tools; null for none
     * @param lenient whether tools that are not strict may be given any object
     * @param said    what the text has to satisfy; null for anything
     * @throws dev.millrace.engine.constrain.GrammarException if a schema cannot be enforced
     */
    public Grammar grammar(ThinkingStart start, ToolUse use, boolean lenient, Grammar said) {
        return TurnGrammar.of(thinking, start, tools, use, lenient, said);
    }

    /** All texts that are still within the thought. Only for a model that has thoughts. */
    public Grammar thoughtSoFar(ThinkingStart start) {
        return TurnGrammar.thoughtSoFar(thinking.orElseThrow(), start);
    }

    /** The text that ends a thought. Only for a model that has thoughts. */
    public Grammar thoughtEnd() {
        return Grammar.of(Expression.text(thinking.orElseThrow().close()));
    }

    /** A new call's id, as the model's template will take it. */
    public String callId() {
        StringBuilder id = new StringBuilder(tools.hasShortIds() ? "" : "call_");
        int length = tools.hasShortIds() ? SHORT_ID_LENGTH : ID_LENGTH;
        ThreadLocalRandom.current().ints(length, 0, ID_CHARACTERS.length())
                .forEach(index -> id.append(ID_CHARACTERS.charAt(index)));
        return id.toString();
    }
}

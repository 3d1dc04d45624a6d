package dev.millrace.server.dialogue;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How models spell their calls of tools. */
public enum ToolFormat {

    /** {@code <tool_call>{"name", "arguments"}</tool_call>}: Hermes, Qwen, SmolLM3 and others. */
    HERMES("<tool_call>", "</tool_call>", "arguments"),
    /** {@code <tool_call><function=name><parameter=name>...}: Qwen3-Coder, Qwen3.5, Step 3.5. */
    QWEN_XML("<tool_call>", "</tool_call>", ""),
    /** {@code [TOOL_CALLS][{"name", "arguments"}, ...]}: Mistral's tokenizers v1 to v7. */
    MISTRAL("[TOOL_CALLS]", "", "arguments"),
    /** {@code [TOOL_CALLS]name[ARGS]{...}}: Mistral's tokenizers v11 and later. */
    MISTRAL_ARGS("[TOOL_CALLS]", "", "arguments"),
    /** {@code <|tool_call|>[{"name", "arguments"}, ...]}: Granite 3. */
    GRANITE("<|tool_call|>", "", "arguments"),
    /** The answer is {@code {"name", "parameters"}}, perhaps after a tag: Llama 3.x. */
    LLAMA("<|python_tag|>", "", "parameters"),
    /** The answer is {@code [f(a=1), g()]}: Llama 3.2 and 4 under templates that ask for it. */
    PYTHONIC("", "", ""),
    /** A list between tags of names and objects in fences: DeepSeek V3 and R1. */
    DEEPSEEK("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", ""),
    /** The same without types and fences: DeepSeek V3.1. */
    DEEPSEEK_V31("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", ""),
    /** {@code <|channel|>commentary to=functions.name<|message|>{...}}: gpt-oss. */
    HARMONY("", "", "arguments"),
    /** The answer is {@code {"name", "arguments"}}: models that were told so in the prompt. */
    JSON("", "", "arguments");

    private final String open;
    private final String close;
    private final String argumentsKey;

    ToolFormat(String open, String close, String argumentsKey) {
        this.open = open;
        this.close = close;
        this.argumentsKey = argumentsKey;
    }

    /** What a call begins with anywhere in a text; empty where it can only begin the text. */
    String open() {
        return open;
    }

    /** What a call ends with; may be empty. */
    String close() {
        return close;
    }

    /** What the member of a call's object is called that has the arguments, if it is an object. */
    String argumentsKey() {
        return argumentsKey;
    }

    /** Whether a text may begin with a call without any marker. */
    boolean isBare() {
        return this == LLAMA || this == JSON || this == PYTHONIC;
    }

    /** Whether calls are elements of an array. */
    boolean isList() {
        return this == MISTRAL || this == GRANITE;
    }

    /** Whether the ids of calls are nine letters and digits. */
    boolean hasShortIds() {
        return this == MISTRAL || this == MISTRAL_ARGS;
    }

    /** Texts that may be control tokens, which must be shown to the parser. */
    List<String> markers() {
        return switch (this) {
            case MISTRAL_ARGS -> List.of(open, "[CALL_ID]", "[ARGS]");
            case HARMONY -> List.of("<|start|>", "<|channel|>", "<|message|>", "<|constrain|>",
                    "<|end|>");
            case JSON, PYTHONIC -> List.of();
            case DEEPSEEK, DEEPSEEK_V31 -> List.of(open, close, TaggedCallParser.CALL,
                    TaggedCallParser.CALL_END, TaggedCallParser.SEPARATOR);
            default -> close.isEmpty() ? List.of(open) : List.of(open, close);
        };
    }

    /** The name that users write. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** All names. */
    public static List<String> labels() {
        return Arrays.stream(values()).map(ToolFormat::label).toList();
    }

    /** The format of this name. */
    public static Optional<ToolFormat> named(String label) {
        return Arrays.stream(values()).filter(format -> format.label().equals(label)).findFirst();
    }

    /**
     * The format that a chat template speaks of, by words that appear nowhere else.
     *
     * @return {@link #JSON} for a template that speaks of none of these
     */
    static ToolFormat detect(String template) {
        if (template.contains("<|channel|>") && template.contains("<|message|>")) {
            return HARMONY;
        }
        if (template.contains("[TOOL_CALLS]")) {
            return template.contains("[ARGS]") ? MISTRAL_ARGS : MISTRAL;
        }
        if (template.contains("<tool_call>")) {
            return template.contains("<function=") ? QWEN_XML : HERMES;
        }
        if (template.contains("<｜tool▁calls▁begin｜>")) {
            return template.contains("```json") ? DEEPSEEK : DEEPSEEK_V31;
        }
        if (template.contains("params_name1=params_value1")) {
            return PYTHONIC;
        }
        if (template.contains("<|tool_call|>")) {
            return GRANITE;
        }
        boolean tag = template.contains("<|python_tag|>") || template.contains("\"parameters\": ");
        if (tag && template.contains("ipython") && !template.contains("<function=")) {
            return LLAMA;
        }
        return JSON;
    }
}

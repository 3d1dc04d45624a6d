package dev.millrace.models.template;

import dev.millrace.models.text.TextSpan;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** A template as a tree of statements; rendering walks the tree and changes nothing in it. */
final class CompiledTemplate implements ChatTemplate {

    private final String source;
    private final Statement root;
    private final Clock clock;

    private CompiledTemplate(String source, Statement root, Clock clock) {
        this.source = source;
        this.root = root;
        this.clock = clock;
    }

    static CompiledTemplate of(String source, Clock clock) {
        Objects.requireNonNull(clock, "clock");
        if (source.length() > TemplateLimits.SOURCE_CHARS) {
            throw new TemplateException(
                    "the template has " + source.length() + " characters; the limit is "
                            + TemplateLimits.SOURCE_CHARS);
        }
        return new CompiledTemplate(source, StatementParser.parse(new Source(source)), clock);
    }

    @Override
    public List<TextSpan> render(Map<String, Object> context) {
        Rendering rendering = new Rendering(clock);
        try {
            Scope scope = new Scope(rendering, Globals.ALL).inner();
            new ContextReader(rendering).read(context).forEach(scope::set);
            TextBuilder out = new TextBuilder(rendering);
            root.run(scope, out);
            return out.toText().spans();
        } catch (EvaluationException e) {
            throw new TemplateException("line " + rendering.line() + ": " + e.getMessage());
        }
    }

    @Override
    public String source() {
        return source;
    }
}

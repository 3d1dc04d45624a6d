package dev.millrace.engine.constrain.schema;

import dev.millrace.engine.constrain.CodePoints;
import dev.millrace.engine.constrain.Expression;
import dev.millrace.engine.constrain.Expression.Both;
import dev.millrace.engine.constrain.Expression.Characters;
import dev.millrace.engine.constrain.Expression.Repeat;
import dev.millrace.engine.constrain.RegexParser;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** What a shape says of strings. */
final class StringShapes {

    private StringShapes() {}

    /** The texts themselves. */
    static Expression plain(Shape shape) {
        return all(shape, text -> text);
    }

    /** The texts as they are spelled between quotes. */
    static Expression spelled(Shape shape) {
        return all(shape, JsonText::spelled);
    }

    private static Expression all(Shape shape, UnaryOperator<Expression> spelling) {
        List<Expression> parts = new ArrayList<>();
        for (String pattern : shape.patterns) {
            parts.add(RegexParser.anywhere(pattern));
        }
        for (String format : shape.formats) {
            parts.add(StringFormats.expression(format));
        }
        if (shape.minLength > 0 || shape.maxLength < Integer.MAX_VALUE || parts.isEmpty()) {
            if (shape.minLength > shape.maxLength) {
                return Expression.NOTHING;
            }
            parts.add(new Repeat(new Characters(CodePoints.ALL), shape.minLength,
                    shape.maxLength));
        }
        Expression all = spelling.apply(parts.getFirst());
        for (Expression part : parts.subList(1, parts.size())) {
            all = new Both(all, spelling.apply(part));
        }
        return all;
    }
}

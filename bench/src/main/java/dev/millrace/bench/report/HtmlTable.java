package dev.millrace.bench.report;

import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import tools.jackson.databind.JsonNode;

/**
 * How results of one kind become a table with a bar in every row.
 *
 * @param title    above the table
 * @param group    what rows of one table have in common, as text; results of another group get a
 *                 table of their own
 * @param bar      what a row's bar is as long as, relative to the longest of its table
 * @param barTitle what the bars show
 */
record HtmlTable(String title, Function<JsonNode, String> group, List<Column> columns,
        ToDoubleFunction<JsonNode> bar, String barTitle) {

    /** A column: its title, and what a result has in it. */
    record Column(String title, Function<JsonNode, String> cell) {

        static Column text(String title, String field) {
            return new Column(title, result -> result.path(field).asString(""));
        }

        static Column number(String title, String field, String format) {
            return new Column(title, result -> HtmlTable.number(median(result, field), format));
        }

        /** The least and the most of a spread. */
        static Column range(String title, String field, String format) {
            return new Column(title, result -> {
                JsonNode spread = result.path(field);
                return spread.isObject()
                        ? number(spread.path("least").asDouble(), format) + " – "
                                + number(spread.path("most").asDouble(), format)
                        : "";
            });
        }

        private static String number(double value, String format) {
            return HtmlTable.number(value, format);
        }
    }

    /** A plain number, or the median of a spread; NaN where the result has neither. */
    static double median(JsonNode result, String field) {
        JsonNode value = result.path(field);
        return value.isObject()
                ? value.path("median").asDouble(Double.NaN)
                : value.asDouble(Double.NaN);
    }

    private static String number(double value, String format) {
        return Double.isNaN(value) ? "" : String.format(Locale.ROOT, format, value);
    }

    /** The table of results that are all of one group. */
    void appendTo(StringBuilder html, List<JsonNode> results) {
        html.append("<h3>").append(escape(group.apply(results.getFirst()))).append("</h3>\n")
                .append("<table>\n<tr>");
        for (Column column : columns) {
            html.append("<th>").append(escape(column.title)).append("</th>");
        }
        html.append("<th class=\"bar\">").append(escape(barTitle)).append("</th></tr>\n");
        double longest = results.stream().mapToDouble(bar).filter(Double::isFinite).max()
                .orElse(0);
        for (JsonNode result : results) {
            html.append("<tr>");
            for (Column column : columns) {
                html.append("<td>").append(escape(column.cell.apply(result))).append("</td>");
            }
            double share = longest > 0 ? bar.applyAsDouble(result) / longest : 0;
            html.append("<td class=\"bar\"><i style=\"width:")
                    .append(number(Double.isFinite(share) ? 100 * share : 0, "%.1f"))
                    .append("%\"></i></td></tr>\n");
        }
        html.append("</table>\n");
    }

    static String escape(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                .replace("\"", "&quot;");
    }
}

package dev.millrace.server.metering.report;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * What requests are grouped by: a part of their rows, or the value of a tag.
 *
 * @param name as in {@link #CHOICES}
 */
public record RowGrouping(String name, Function<TraceRow, String> of) {

    /** What there is, for messages. */
    public static final String CHOICES = "model, adapter, team (or tenant), project, key, session,"
            + " tier, endpoint, hour, day or tag:NAME";
    /** The group of requests that say nothing about it. */
    public static final String NONE = "(none)";
    /** The group of all that come after so many others. */
    public static final String OTHERS = "(others)";

    /** Most groups in one report; clients make up sessions and tags. */
    private static final int MOST_GROUPS = 100_000;
    private static final String TAG = "tag:";

    /** @throws IllegalArgumentException if there is no such grouping */
    public static RowGrouping parse(String text) {
        String name = text.toLowerCase(Locale.ROOT);
        if (name.startsWith(TAG) && text.length() > TAG.length()) {
            String tag = text.substring(TAG.length());
            return new RowGrouping(TAG + tag, row -> row.labels().tags().get(tag));
        }
        Function<TraceRow, String> part = switch (name) {
            case "model" -> TraceRow::model;
            case "adapter" -> row -> row.adapter() == null ? null : row.model();
            case "tenant", "team" -> TraceRow::tenant;
            case "project" -> TraceRow::project;
            case "key" -> TraceRow::keyId;
            case "session" -> row -> row.labels().session();
            case "tier" -> TraceRow::tier;
            case "endpoint" -> TraceRow::endpoint;
            case "hour" -> row -> time(row, ChronoUnit.HOURS).substring(0, 16);
            case "day" -> row -> time(row, ChronoUnit.DAYS).substring(0, 10);
            default -> throw new IllegalArgumentException("requests can be grouped by " + CHOICES
                    + ", got \"" + text + "\"");
        };
        return new RowGrouping(name, part);
    }

    private static String time(TraceRow row, ChronoUnit unit) {
        return Instant.ofEpochMilli(row.finishedMillis()).truncatedTo(unit).toString();
    }

    /** Groups without rows, in the order of their names. */
    public Map<String, UseGroup> groups() {
        return new TreeMap<>();
    }

    /** Adds a row to its group. */
    public void add(Map<String, UseGroup> groups, TraceRow row) {
        String value = of.apply(row);
        String group = value == null || value.isEmpty() ? NONE : value;
        if (groups.size() >= MOST_GROUPS && !groups.containsKey(group)) {
            group = OTHERS;
        }
        groups.computeIfAbsent(group, one -> new UseGroup()).add(row);
    }
}

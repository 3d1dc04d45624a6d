package dev.millrace.server.metering.rate;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * What a machine draws at the wall by how busy it is, as its owner declares it: straight lines
 * between points.
 *
 * @param points from an idle machine to a busy one
 */
public record PowerCurve(List<Point> points) {

    private static final int MOST_POINTS = 100;
    private static final String AT = "cost.power_curve";

    /**
     * One point.
     *
     * @param load  busy part of the time, 0 to 1
     * @param watts drawn then
     */
    public record Point(double load, double watts) {}

    public PowerCurve {
        points = List.copyOf(points);
    }

    /** A line from an idle machine to a busy one. */
    static PowerCurve of(BigDecimal idleWatts, BigDecimal loadWatts) {
        return new PowerCurve(List.of(new Point(0, idleWatts.doubleValue()),
                new Point(1, loadWatts.doubleValue())));
    }

    /**
     * Reads the list.
     *
     * @throws IllegalArgumentException if it does not rise from load 0 to load 1, or watts fall
     */
    static PowerCurve parse(JsonNode list, String mostWatts) {
        if (!list.isArray() || list.size() < 2 || list.size() > MOST_POINTS) {
            throw new IllegalArgumentException(AT + " must be a list of 2 to " + MOST_POINTS
                    + " points {load: 0 to 1, watts: ...}, got " + list);
        }
        List<Point> points = new ArrayList<>();
        for (JsonNode node : list) {
            String at = AT + "[" + points.size() + "]";
            node.propertyNames().stream().filter(key -> !List.of("load", "watts").contains(key))
                    .findFirst().ifPresent(key -> {
                        throw new IllegalArgumentException(at + "." + key
                                + " is not known (known: load, watts)");
                    });
            Point point = new Point(
                    CostConfig.checked(node, at, "load", "0", "1").doubleValue(),
                    CostConfig.checked(node, at, "watts", "0", mostWatts).doubleValue());
            Point last = points.isEmpty() ? null : points.getLast();
            if (last != null && (point.load <= last.load || point.watts < last.watts)) {
                throw new IllegalArgumentException(at + " must be of a greater load than the one"
                        + " before it and of no fewer watts, got " + node);
            }
            points.add(point);
        }
        if (points.getFirst().load != 0 || points.getLast().load != 1) {
            throw new IllegalArgumentException(AT + " must begin at load 0 and end at load 1, got "
                    + list);
        }
        return new PowerCurve(points);
    }

    /** Watts at a load from 0 to 1; beyond that those of the end. */
    public double watts(double load) {
        Point before = points.getFirst();
        for (Point point : points) {
            if (load <= point.load) {
                return point.load == before.load
                        ? point.watts
                        : before.watts + (point.watts - before.watts) * (load - before.load)
                                / (point.load - before.load);
            }
            before = point;
        }
        return before.watts;
    }

    /** Watts of an idle machine. */
    public double idleWatts() {
        return points.getFirst().watts;
    }

    /** Watts of a busy machine. */
    public double loadWatts() {
        return points.getLast().watts;
    }
}

package dev.millrace.server.cli.cost;

import java.util.Locale;

/** A plot of lines over two axes, either of which may be logarithmic, as inline SVG. */
final class SvgPlot {

    private static final int WIDTH = 720;
    private static final int HEIGHT = 320;
    private static final int LEFT = 70;
    private static final int RIGHT = 190;
    private static final int TOP = 16;
    private static final int BOTTOM = 46;
    private static final int TICKS = 5;

    private final StringBuilder body = new StringBuilder();
    private final Axis x;
    private final Axis y;
    private int lines;

    /** One axis. Both ends are above 0 where it is logarithmic. */
    record Axis(String title, double from, double to, boolean logarithmic) {

        Axis {
            if (!(to > from) || logarithmic && !(from > 0)) {
                throw new IllegalArgumentException("an axis cannot go from " + from + " to " + to);
            }
        }

        /** Where a value is, from 0 at the beginning to 1 at the end; beyond them for others. */
        double place(double value) {
            return logarithmic
                    ? Math.log(Math.max(value, Double.MIN_NORMAL) / from) / Math.log(to / from)
                    : (value - from) / (to - from);
        }

        double at(double place) {
            return logarithmic
                    ? from * Math.pow(to / from, place)
                    : from + (to - from) * place;
        }
    }

    SvgPlot(Axis x, Axis y) {
        this.x = x;
        this.y = y;
        for (int i = 0; i <= TICKS; i++) {
            double place = (double) i / TICKS;
            tick(across(place), HEIGHT - BOTTOM + 18, "middle", x.at(place));
            tick(LEFT - 8, down(place) + 4, "end", y.at(place));
            body.append(String.format(Locale.ROOT,
                    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>%n", LEFT,
                    WIDTH - RIGHT, down(place), down(place)));
        }
        text((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6, "middle", x.title());
        text(LEFT, TOP - 4, "start", y.title());
    }

    /** Adds a line through points, with its name beside its end. Points beyond the plot are cut. */
    SvgPlot line(String name, double[] xs, double[] ys) {
        StringBuilder path = new StringBuilder();
        for (int i = 0; i < xs.length; i++) {
            path.append(i == 0 ? 'M' : 'L').append(String.format(Locale.ROOT, "%.1f %.1f ",
                    across(Math.clamp(x.place(xs[i]), 0, 1)),
                    down(Math.clamp(y.place(ys[i]), 0, 1))));
        }
        int style = lines % 6;
        body.append("<path class=\"line s").append(style).append("\" d=\"").append(path)
                .append("\"/>\n");
        double end = Math.clamp(TOP + 14.0 + 17 * lines, TOP, HEIGHT);
        body.append(String.format(Locale.ROOT,
                "<path class=\"line s%d\" d=\"M%d %.1f h14\"/>%n", style, WIDTH - RIGHT + 12,
                end - 4));
        text(WIDTH - RIGHT + 32, end, "start", name);
        lines++;
        return this;
    }

    String svg() {
        return "<svg viewBox=\"0 0 " + WIDTH + " " + HEIGHT + "\" role=\"img\">\n" + body
                + "</svg>\n";
    }

    private void tick(double across, double down, String anchor, double value) {
        text(across, down, anchor, value >= 1_000
                ? Money.count(value)
                : String.format(Locale.ROOT, value >= 10 ? "%.0f" : "%.3g", value));
    }

    private void text(double across, double down, String anchor, String text) {
        body.append(String.format(Locale.ROOT,
                "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n", across, down,
                anchor, ComparisonPage.escaped(text)));
    }

    private static double across(double place) {
        return LEFT + place * (WIDTH - RIGHT - LEFT);
    }

    private static double down(double place) {
        return HEIGHT - BOTTOM - place * (HEIGHT - BOTTOM - TOP);
    }
}

package dev.millrace.server.metering;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What others charge: dated prices of hosted models, and which of them a served model compares
 * with. The same weights are kept apart from merely the nearest model.
 */
public final class PriceCatalog {

    /** A model further away in size than this factor compares with nothing. */
    private static final double FARTHEST_SIZE_FACTOR = 4;

    private static final Pattern SIZE = Pattern.compile("(?<![0-9.])(\\d+(?:\\.\\d+)?)b(?![a-z])");

    private final List<HostedModel> models;

    private record HostedModel(String name, double billions, List<String> same,
            List<String> nearestTo, List<HostedPrice> prices) {}

    /**
     * Hosted prices for a served model.
     *
     * @param same   whether these are prices of the same model rather than of the nearest
     * @param model  the hosted model; null if nothing compares
     * @param prices cheapest first (by {@link HostedPrice#blendedUsdPerMillion}); empty if nothing
     *               compares
     */
    public record Match(boolean same, String model, List<HostedPrice> prices) {

        static final Match NONE = new Match(false, null, List.of());

        public Match {
            prices = List.copyOf(prices);
        }

        /** The cheapest, the middle and the dearest price: one alone would flatter somebody. */
        public List<HostedPrice> three() {
            return prices.size() <= 3
                    ? prices
                    : List.of(prices.getFirst(), prices.get(prices.size() / 2), prices.getLast());
        }
    }

    private PriceCatalog(List<HostedModel> models) {
        this.models = models;
    }

    /** The prices that come with the program. */
    public static PriceCatalog bundled() {
        try (InputStream json = PriceCatalog.class.getResourceAsStream("prices/hosted.json")) {
            return parse(new JsonMapper().readTree(json));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Reads a catalog.
     *
     * @throws IllegalArgumentException if a price is no price or has no date
     */
    static PriceCatalog parse(JsonNode catalog) {
        String asOf = catalog.path("as_of").asString("");
        String source = catalog.path("source").asString("");
        List<HostedModel> models = new ArrayList<>();
        for (JsonNode model : catalog.path("models")) {
            List<HostedPrice> prices = new ArrayList<>();
            for (JsonNode price : model.path("prices")) {
                prices.add(new HostedPrice(price.path("provider").asString(""),
                        price.path("model").asString(""), price.path("input").asDouble(Double.NaN),
                        price.path("output").asDouble(Double.NaN),
                        price.path("cached_input").asDouble(Double.NaN), asOf, source));
            }
            prices.sort(Comparator.comparingDouble(HostedPrice::blendedUsdPerMillion));
            models.add(new HostedModel(model.path("name").asString(""),
                    model.path("parameters_billion").asDouble(Double.NaN),
                    names(model.path("same")), names(model.path("nearest_to")), prices));
        }
        return new PriceCatalog(models);
    }

    private static List<String> names(JsonNode list) {
        List<String> names = new ArrayList<>();
        list.forEach(name -> names.add(normal(name.asString(""))));
        return names;
    }

    /**
     * Finds what to compare a served model with: the same model if its name begins like one of the
     * catalog's (so that a quantised or packaged variant counts, a fine-tune under its own name
     * does not), otherwise the one nearest in size, up to a factor of four.
     *
     * @param servedModel its id, such as {@code tinyllama} or {@code Llama-3.1-8B-Instruct-Q4_K_M}
     */
    public Match match(String servedModel) {
        String name = normal(servedModel);
        for (HostedModel model : models) {
            if (model.same.stream().anyMatch(name::startsWith)) {
                return new Match(true, model.name, model.prices);
            }
        }
        for (HostedModel model : models) {
            if (model.nearestTo.stream().anyMatch(name::startsWith)) {
                return new Match(false, model.name, model.prices);
            }
        }
        Matcher size = SIZE.matcher(servedModel.toLowerCase(Locale.ROOT));
        return size.find() ? nearest(Double.parseDouble(size.group(1))) : Match.NONE;
    }

    private Match nearest(double billions) {
        HostedModel nearest = null;
        double leastFactor = FARTHEST_SIZE_FACTOR;
        for (HostedModel model : models) {
            double factor = Math.max(model.billions / billions, billions / model.billions);
            if (factor <= leastFactor) {
                nearest = model;
                leastFactor = factor;
            }
        }
        return nearest == null ? Match.NONE : new Match(false, nearest.name, nearest.prices);
    }

    /** The last part of a path or repository name, letters and digits only. */
    private static String normal(String name) {
        String last = name.substring(name.lastIndexOf('/') + 1);
        return last.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    }
}

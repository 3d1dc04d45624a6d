package dev.millrace.server.metering.prices;

import dev.millrace.server.metering.prices.HostedModel.Offer;
import dev.millrace.server.metering.prices.HostedModel.Provider;
import dev.millrace.server.metering.prices.PricePoint.ContextTier;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * Reads a catalog's JSON (docs/prices.md), strictly: unknown keys, prices without a date, dates to
 * come, currencies other than dollars and numbers that are no prices are all refused, each with its
 * place, so that one reading of the message mends the whole file.
 */
final class PriceCatalogReader {

    private static final int FORMAT = 1;
    private static final int MOST_REASONS = 20;
    private static final int MOST_MODELS = 5_000;
    private static final int MOST_OFFERS = 50_000;
    private static final String AS_OF = "as_of";
    private static final String SOURCE = "source";

    private final LocalDate today;
    private final List<String> reasons = new ArrayList<>();
    private final Map<String, LocalDate> sourceDays = new HashMap<>();
    private final Map<String, String> sourceTexts = new HashMap<>();
    private final Map<String, Provider> providers = new HashMap<>();
    private int offers;

    private PriceCatalogReader(LocalDate today) {
        this.today = today;
    }

    /**
     * Reads a catalog.
     *
     * @param today prices from after it are refused, unless their source is from before it and
     *              announces them
     * @throws IllegalArgumentException if anything in it is wrong; says what and where, up to 20
     *                                  things
     */
    static List<HostedModel> read(JsonNode catalog, LocalDate today) {
        PriceCatalogReader reader = new PriceCatalogReader(today);
        List<HostedModel> models = reader.catalog(catalog);
        if (!reader.reasons.isEmpty()) {
            throw new IllegalArgumentException("not a catalog of prices:"
                    + System.lineSeparator() + "  "
                    + String.join(System.lineSeparator() + "  ", reader.reasons));
        }
        return models;
    }

    private List<HostedModel> catalog(JsonNode root) {
        if (!object("the file", root, Set.of("format", "currency", "unit", "sources", "providers",
                "models"))) {
            return List.of();
        }
        if (!root.path("format").isInt() || root.path("format").intValue() != FORMAT) {
            refuse("format", "must be " + FORMAT + ", got " + root.path("format"));
        }
        if (!root.path("currency").asString("").equals("USD")) {
            refuse("currency", "must be \"USD\", got " + root.path("currency")
                    + "; convert the prices");
        }
        if (!root.path("unit").asString("").equals("per million tokens")) {
            refuse("unit", "must be \"per million tokens\", got " + root.path("unit"));
        }
        root.path("sources").properties().forEach(entry -> source(entry.getKey(),
                entry.getValue()));
        int index = 0;
        for (JsonNode provider : root.path("providers")) {
            provider("providers[" + index++ + "]", provider);
        }
        List<HostedModel> models = new ArrayList<>();
        Set<String> names = new HashSet<>();
        index = 0;
        for (JsonNode model : root.path("models")) {
            if (index >= MOST_MODELS || reasons.size() >= MOST_REASONS) {
                refuse("models", "at most " + MOST_MODELS + " models are read");
                break;
            }
            String at = "models[" + index++ + "]";
            HostedModel read = model(at, model);
            if (read != null && !names.add(read.name())) {
                refuse(at, "the model " + read.name() + " is there twice");
            } else if (read != null) {
                models.add(read);
            }
        }
        if (models.isEmpty() && reasons.isEmpty()) {
            refuse("models", "there are none");
        }
        return models;
    }

    private void source(String name, JsonNode source) {
        String at = "sources." + name;
        if (object(at, source, Set.of(AS_OF, "url", "licence", "via"))) {
            LocalDate day = day(at, source);
            if (day != null && day.isAfter(today)) {
                refuse(at, AS_OF + " " + day + " is in the future (today is " + today + ")");
            }
            sourceDays.put(name, day);
            String url = source.path("url").asString("");
            sourceTexts.put(name, url.isEmpty() ? name : name + " (" + url + ")");
        }
    }

    private void provider(String at, JsonNode provider) {
        if (!object(at, provider, Set.of("name", "gateway", "batch"))) {
            return;
        }
        String name = text(at, provider, "name");
        JsonNode batch = provider.get("batch");
        double factor = Double.NaN;
        String source = null;
        LocalDate day = null;
        if (batch != null && object(at + ".batch", batch, Set.of("factor", AS_OF, SOURCE))) {
            factor = batch.path("factor").isNumber()
                    ? batch.get("factor").doubleValue()
                    : Double.NaN;
            if (!(factor > 0 && factor <= 1)) {
                refuse(at + ".batch", "factor must be a number above 0, at most 1, got "
                        + batch.path("factor"));
            }
            source = text(at + ".batch", batch, SOURCE);
            day = day(at + ".batch", batch);
        }
        if (providers.put(name, new Provider(name, provider.path("gateway").asBoolean(false),
                factor, source, day)) != null) {
            refuse(at, "the provider " + name + " is there twice");
        }
    }

    private HostedModel model(String at, JsonNode model) {
        if (!object(at, model, Set.of("name", "maker", "parameters_billion", "open_weights", "same",
                "nearest_to", "offers"))) {
            return null;
        }
        String name = text(at, model, "name");
        JsonNode size = model.get("parameters_billion");
        double billions = size != null && size.isNumber() ? size.doubleValue() : Double.NaN;
        if (size != null && !(billions > 0 && billions < 100_000)) {
            refuse(at, "parameters_billion must be a number above 0, below 100000, got " + size);
        }
        JsonNode open = model.get("open_weights");
        if (open == null || !open.isBoolean()) {
            refuse(at, "open_weights must be true or false, got " + open);
        }
        List<Offer> read = new ArrayList<>();
        Set<List<String>> keys = new HashSet<>();
        int index = 0;
        for (JsonNode offer : model.path("offers")) {
            String place = at + " (" + name + ").offers[" + index++ + "]";
            if (++offers > MOST_OFFERS || reasons.size() >= MOST_REASONS) {
                refuse("offers", "at most " + MOST_OFFERS + " offers are read");
                return null;
            }
            Offer one = offer(place, offer);
            if (one != null && !keys.add(List.of(one.provider().name(), one.model()))) {
                refuse(place, "the offer of " + one.provider().name() + " for " + one.model()
                        + " is there twice; put its prices into one list");
            } else if (one != null) {
                read.add(one);
            }
        }
        return new HostedModel(name, model.path("maker").asString(""), billions,
                open != null && open.asBoolean(false), names(at + ".same", model.path("same")),
                names(at + ".nearest_to", model.path("nearest_to")), read);
    }

    private Offer offer(String at, JsonNode offer) {
        if (!object(at, offer, Set.of("provider", "model", "prices"))) {
            return null;
        }
        String name = text(at, offer, "provider");
        String model = text(at, offer, "model");
        Provider provider = providers.get(name);
        if (provider == null) {
            refuse(at, "the provider \"" + name + "\" is not in the list providers");
            return null;
        }
        List<PricePoint> points = new ArrayList<>();
        Set<LocalDate> days = new HashSet<>();
        int index = 0;
        for (JsonNode price : offer.path("prices")) {
            String place = at + ".prices[" + index++ + "]";
            PricePoint point = point(place, price);
            if (point != null && !days.add(point.asOf())) {
                refuse(place, "there are two prices of " + point.asOf());
            } else if (point != null) {
                points.add(point);
            }
        }
        if (index == 0) {
            refuse(at, "needs at least one price under prices");
        }
        return points.isEmpty() ? null : new Offer(provider, model, points);
    }

    private PricePoint point(String at, JsonNode price) {
        if (!object(at, price, Set.of(SOURCE, AS_OF, "input", "output", "cached_input",
                "cache_write", "tiers"))) {
            return null;
        }
        String source = text(at, price, SOURCE);
        LocalDate announced = sourceDays.get(source);
        LocalDate day = price.has(AS_OF) ? day(at, price) : announced;
        if (day == null) {
            if (!price.has(AS_OF)) {
                refuse(at, "a price needs its day: give as_of (YYYY-MM-DD), or a source from the"
                        + " list sources that has one");
            }
            return null;
        }
        if (day.isAfter(today) && announced == null) {
            refuse(at, AS_OF + " " + day + " is in the future (today is " + today + ")");
        }
        try {
            List<ContextTier> tiers = new ArrayList<>();
            for (JsonNode tier : price.path("tiers")) {
                if (object(at + ".tiers", tier, Set.of("above_tokens", "input", "output",
                        "cached_input"))) {
                    tiers.add(new ContextTier(tier.path("above_tokens").asInt(0),
                            number(tier, "input"), number(tier, "output"),
                            optional(tier, "cached_input")));
                }
            }
            return new PricePoint(day, sourceTexts.getOrDefault(source, source),
                    number(price, "input"), number(price, "output"),
                    optional(price, "cached_input"), optional(price, "cache_write"), tiers);
        } catch (IllegalArgumentException e) {
            refuse(at, e.getMessage());
            return null;
        }
    }

    private static double number(JsonNode node, String key) {
        JsonNode value = node.get(key);
        if (value == null || !value.isNumber()) {
            throw new IllegalArgumentException(key + " must be a number, got " + value);
        }
        return value.doubleValue();
    }

    private static double optional(JsonNode node, String key) {
        return node.has(key) ? number(node, key) : Double.NaN;
    }

    private List<String> names(String at, JsonNode list) {
        List<String> names = new ArrayList<>();
        for (JsonNode name : list) {
            if (!name.isString() || name.stringValue().isBlank()) {
                refuse(at, "must be a list of names, got " + name);
            } else {
                names.add(name.stringValue());
            }
        }
        return names;
    }

    private boolean object(String at, JsonNode node, Set<String> keys) {
        if (!node.isObject()) {
            refuse(at, "must be an object with the keys " + String.join(", ", new TreeSet<>(keys))
                    + ", got " + node.getNodeType());
            return false;
        }
        for (String key : node.propertyNames()) {
            if (!keys.contains(key)) {
                refuse(at, "the key \"" + key + "\" is not known (known: "
                        + String.join(", ", new TreeSet<>(keys)) + ")");
            }
        }
        return true;
    }

    private String text(String at, JsonNode node, String key) {
        JsonNode value = node.get(key);
        if (value == null || !value.isString() || value.stringValue().isBlank()) {
            refuse(at, key + " must be a text, got " + value);
            return "";
        }
        return value.stringValue();
    }

    private LocalDate day(String at, JsonNode node) {
        try {
            return LocalDate.parse(node.path(AS_OF).asString(""));
        } catch (DateTimeParseException e) {
            refuse(at, AS_OF + " must be a day (YYYY-MM-DD), got " + node.path(AS_OF));
            return null;
        }
    }

    private void refuse(String at, String reason) {
        if (reasons.size() < MOST_REASONS) {
            reasons.add(at + ": " + reason);
        }
    }
}

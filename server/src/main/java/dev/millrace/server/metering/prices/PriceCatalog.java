package dev.millrace.server.metering.prices;

import dev.millrace.models.NearMisses;
import dev.millrace.server.metering.prices.HostedModel.Offer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.json.JsonMapper;

/**
 * What others charge: dated prices of hosted models, and which of them a served model compares
 * with. The same weights are kept apart from merely the nearest model.
 */
public final class PriceCatalog {

    /** A price older than this is called old: providers change theirs every few months. */
    public static final int STALE_DAYS = 90;

    /** A model further away in size than this factor compares with nothing. */
    private static final double FARTHEST_SIZE_FACTOR = 4;

    private static final Pattern SIZE = Pattern.compile("(?<![0-9.])(\\d+(?:\\.\\d+)?)b(?![a-z])");

    /** What a file's name may add to the model's without meaning other weights: its packaging. */
    private static final Pattern PACKAGING = Pattern.compile("(?:gguf|mlx|ud|i1|imat(?:rix)?"
            + "|i?q[1-8][a-z0-9]*|tq[12][a-z0-9]*|b?f(?:16|32)|fp(?:4|8|16)[a-z0-9]*|int[48]"
            + "|w[48]a(?:8|16)[a-z0-9]*|awq|gptq[a-z0-9]*|mxfp4[a-z0-9]*|nvfp4[a-z0-9]*|[48]bit"
            + "|quantized|dynamic|turbo)*");

    private final List<HostedModel> models;
    private final LocalDate today;

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

    /** @param today prices from later are not used yet */
    PriceCatalog(List<HostedModel> models, LocalDate today) {
        this.models = List.copyOf(models);
        this.today = today;
    }

    /** The prices that come with the program. */
    public static PriceCatalog bundled(LocalDate today) {
        try (InputStream json = PriceCatalog.class.getResourceAsStream("hosted.json")) {
            return new PriceCatalog(PriceCatalogReader.read(new JsonMapper().readTree(json), today),
                    today);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All models, open ones first as the catalog has them. */
    public List<HostedModel> models() {
        return models;
    }

    /** The day as of which prices are told. */
    public LocalDate today() {
        return today;
    }

    /** Names of all providers, sorted. */
    public List<String> providers() {
        return models.stream().flatMap(model -> model.offers().stream())
                .map(offer -> offer.provider().name()).distinct()
                .sorted(String.CASE_INSENSITIVE_ORDER).toList();
    }

    /**
     * This catalog with another's models, offers and prices added; of two prices of one offer and
     * day the other's counts, and so do its words about a model or provider.
     */
    public PriceCatalog with(PriceCatalog newer) {
        Map<String, HostedModel> merged = new LinkedHashMap<>();
        models.forEach(model -> merged.put(normal(model.name()), model));
        newer.models.forEach(model -> merged.merge(normal(model.name()), model,
                PriceCatalog::merge));
        return new PriceCatalog(List.copyOf(merged.values()), today);
    }

    private static HostedModel merge(HostedModel old, HostedModel newer) {
        Map<List<String>, Offer> offers = new LinkedHashMap<>();
        old.offers().forEach(offer -> offers.put(key(offer), offer));
        newer.offers().forEach(offer -> offers.merge(key(offer), offer, PriceCatalog::merge));
        return new HostedModel(newer.name(), newer.maker(), newer.billions(), newer.openWeights(),
                union(old.same(), newer.same()), union(old.nearestTo(), newer.nearestTo()),
                List.copyOf(offers.values()));
    }

    private static List<String> key(Offer offer) {
        return List.of(offer.provider().name(), offer.model());
    }

    private static Offer merge(Offer old, Offer newer) {
        Map<LocalDate, PricePoint> points = new LinkedHashMap<>();
        old.points().forEach(point -> points.put(point.asOf(), point));
        newer.points().forEach(point -> points.put(point.asOf(), point));
        return new Offer(newer.provider(), newer.model(), List.copyOf(points.values()));
    }

    private static List<String> union(List<String> some, List<String> others) {
        return Stream.concat(some.stream(), others.stream()).distinct().toList();
    }

    /**
     * Finds what to compare a served model with: the same model if its name is one of the
     * catalog's, followed by no more than words for its packaging (so that a quantised variant
     * counts, a fine-tune or a smaller sister does not); otherwise the model that it was tuned from
     * by its name; otherwise the open one nearest in size, up to a factor of four.
     *
     * @param servedModel its id, such as {@code tinyllama} or {@code Llama-3.1-8B-Instruct-Q4_K_M}
     */
    public Match match(String servedModel) {
        String name = normal(servedModel);
        HostedModel same = null;
        HostedModel kin = null;
        int longest = 0;
        for (HostedModel model : models) {
            for (String known : model.same()) {
                String prefix = normal(known);
                if (name.startsWith(prefix) && prefix.length() > longest) {
                    longest = prefix.length();
                    boolean packaged = PACKAGING.matcher(name.substring(longest)).matches();
                    same = packaged ? model : null;
                    kin = packaged || !SIZE.matcher(known).find() ? null : model;
                }
            }
        }
        if (same != null || kin != null) {
            return same != null ? match(true, same) : match(false, kin);
        }
        for (HostedModel model : models) {
            if (model.nearestTo().stream().anyMatch(near -> name.startsWith(normal(near)))) {
                return match(false, model);
            }
        }
        Matcher size = SIZE.matcher(servedModel.toLowerCase(Locale.ROOT));
        return size.find() ? nearest(Double.parseDouble(size.group(1))) : Match.NONE;
    }

    private Match match(boolean same, HostedModel model) {
        return new Match(same, model.name(), model.pricesOn(today));
    }

    private Match nearest(double billions) {
        HostedModel nearest = null;
        double leastFactor = FARTHEST_SIZE_FACTOR;
        for (HostedModel model : models) {
            double factor = Math.max(model.billions() / billions, billions / model.billions());
            // of two of one size the one that more providers host says more
            if (model.openWeights() && (factor < leastFactor || factor == leastFactor
                    && nearest != null && model.offers().size() > nearest.offers().size())) {
                nearest = model;
                leastFactor = factor;
            }
        }
        return nearest == null ? Match.NONE : match(false, nearest);
    }

    /**
     * Finds hosted prices by name: {@code Provider/model} with the provider's own name of the
     * model, or a model's name in the catalog for all its offers.
     *
     * @throws IllegalArgumentException if there is none; suggests near names
     */
    public List<HostedPrice> named(String reference) {
        String wanted = normal(reference);
        List<String> known = new ArrayList<>();
        for (HostedModel model : models) {
            if (normal(model.name()).equals(wanted)) {
                return model.pricesOn(today);
            }
            known.add(model.name());
            for (HostedPrice price : model.pricesOn(today)) {
                String name = price.provider() + "/" + price.model();
                if (name.equalsIgnoreCase(reference)) {
                    return List.of(price);
                }
                known.add(name);
            }
        }
        throw new IllegalArgumentException("no hosted model or offer is called \"" + reference
                + "\"" + NearMisses.hint(reference, known)
                + "; ./millrace prices list shows the models, ./millrace prices show MODEL the"
                + " offers");
    }

    /** A model by its name in the catalog. */
    public Optional<HostedModel> model(String name) {
        return models.stream().filter(model -> normal(model.name()).equals(normal(name)))
                .findFirst();
    }

    /** Says that a price is old, or nothing where it is not. */
    public Optional<String> staleness(List<HostedPrice> prices) {
        Optional<LocalDate> oldest = prices.stream().map(HostedPrice::asOf)
                .collect(Collectors.minBy(LocalDate::compareTo));
        return oldest.filter(day -> ChronoUnit.DAYS.between(day, today) > STALE_DAYS)
                .map(day -> "some of these prices were looked up "
                        + ChronoUnit.DAYS.between(day, today) + " days ago (" + day
                        + "); bring newer ones with ./millrace prices update FILE");
    }

    /** The last part of a path or repository name, letters and digits only. */
    private static String normal(String name) {
        String last = name.substring(name.lastIndexOf('/') + 1);
        return last.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]", "");
    }
}

package dev.millrace.server.metering.prices;

import dev.millrace.models.store.FileProblems;
import dev.millrace.server.metering.prices.HostedModel.Offer;
import dev.millrace.server.metering.prices.HostedModel.Provider;
import dev.millrace.server.metering.prices.PricePoint.ContextTier;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDate;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Prices that the user brought, in a file of their own beside the models; they are added to those
 * that come with the program and win over them where both have one of the same day.
 */
public final class PriceFile {

    private static final String NAME = "prices.json";
    private static final long MOST_BYTES = 64 << 20;
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final Path file;

    /** @param home the folder of all that is kept */
    public PriceFile(Path home) {
        this.file = home.resolve(NAME);
    }

    /** Where it is, whether it exists or not. */
    public Path path() {
        return file;
    }

    /**
     * All known prices: the program's and the user's.
     *
     * @throws IllegalArgumentException if the user's file has been damaged
     */
    public PriceCatalog catalog(LocalDate today) {
        PriceCatalog bundled = PriceCatalog.bundled(today);
        return Files.exists(file) ? bundled.with(read(file, today)) : bundled;
    }

    /**
     * Reads a catalog from a file.
     *
     * @throws IllegalArgumentException if it cannot be read, is no JSON or has anything wrong in
     *                                  it; says what and where
     */
    public static PriceCatalog read(Path file, LocalDate today) {
        try {
            if (Files.size(file) > MOST_BYTES) {
                throw new IllegalArgumentException(file + " has more than " + MOST_BYTES
                        + " bytes; no catalog of prices is as large");
            }
            return new PriceCatalog(PriceCatalogReader.read(JSON.readTree(Files.readAllBytes(
                    file)), today), today);
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot read " + file + ": "
                    + FileProblems.describe(e), e);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(file + " is not valid JSON: "
                    + e.getOriginalMessage(), e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(file + " is " + e.getMessage(), e);
        }
    }

    /**
     * Adds a catalog to the user's prices, keeping their history. The file is replaced as a whole,
     * so that a crash leaves the old or the new one.
     */
    public void add(PriceCatalog newer) {
        PriceCatalog all = Files.exists(file) ? read(file, newer.today()).with(newer) : newer;
        Path draft = file.resolveSibling(NAME + ".new");
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(draft, json(all));
            Files.move(draft, file, StandardCopyOption.REPLACE_EXISTING,
                    StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new IllegalArgumentException("cannot write " + file + ": "
                    + FileProblems.describe(e), e);
        }
    }

    private static String json(PriceCatalog catalog) {
        ObjectNode root = JSON.createObjectNode().put("format", 1).put("currency", "USD")
                .put("unit", "per million tokens");
        Map<String, Provider> providers = new TreeMap<>();
        catalog.models().forEach(model -> model.offers().forEach(offer -> providers
                .put(offer.provider().name(), offer.provider())));
        ArrayNode list = root.putArray("providers");
        for (Provider provider : providers.values()) {
            ObjectNode node = list.addObject().put("name", provider.name())
                    .put("gateway", provider.gateway());
            if (!Double.isNaN(provider.batchFactor())) {
                node.putObject("batch").put("factor", provider.batchFactor())
                        .put("as_of", provider.batchAsOf().toString())
                        .put("source", provider.batchSource());
            }
        }
        ArrayNode models = root.putArray("models");
        catalog.models().forEach(model -> model(models.addObject(), model));
        return root.toPrettyString() + "\n";
    }

    private static void model(ObjectNode node, HostedModel model) {
        node.put("name", model.name()).put("maker", model.maker());
        optional(node, "parameters_billion", model.billions());
        node.put("open_weights", model.openWeights());
        ArrayNode same = node.putArray("same");
        model.same().forEach(same::add);
        ArrayNode nearest = node.putArray("nearest_to");
        model.nearestTo().forEach(nearest::add);
        ArrayNode offers = node.putArray("offers");
        for (Offer offer : model.offers()) {
            ArrayNode prices = offers.addObject().put("provider", offer.provider().name())
                    .put("model", offer.model()).putArray("prices");
            offer.points().forEach(point -> point(prices.addObject(), point));
        }
    }

    private static void point(ObjectNode node, PricePoint point) {
        node.put("as_of", point.asOf().toString()).put("source", point.source())
                .put("input", point.input()).put("output", point.output());
        optional(node, "cached_input", point.cachedInput());
        optional(node, "cache_write", point.cacheWrite());
        if (!point.tiers().isEmpty()) {
            ArrayNode tiers = node.putArray("tiers");
            for (ContextTier tier : point.tiers()) {
                optional(tiers.addObject().put("above_tokens", tier.aboveTokens())
                        .put("input", tier.input()).put("output", tier.output()), "cached_input",
                        tier.cachedInput());
            }
        }
    }

    private static void optional(ObjectNode node, String name, double value) {
        if (!Double.isNaN(value)) {
            node.put(name, value);
        }
    }
}

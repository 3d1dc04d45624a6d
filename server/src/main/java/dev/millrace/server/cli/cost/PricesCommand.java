package dev.millrace.server.cli.cost;

import dev.millrace.models.store.ModelStore;
import dev.millrace.server.cli.TextTable;
import dev.millrace.server.metering.prices.HostedModel;
import dev.millrace.server.metering.prices.HostedModel.Offer;
import dev.millrace.server.metering.prices.HostedPrice;
import dev.millrace.server.metering.prices.PriceCatalog;
import dev.millrace.server.metering.prices.PriceFile;
import dev.millrace.server.metering.prices.PricePoint;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code millrace prices}: what others charge, and bringing newer prices. */
@Command(name = "prices", description = "Show and update the prices of hosted models.")
public final class PricesCommand implements Runnable {

    private final PrintStream out;
    private final Map<String, String> environment;
    private final Clock clock;

    @Spec
    private CommandSpec spec;

    public PricesCommand(PrintStream out, Map<String, String> environment, Clock clock) {
        this.out = out;
        this.environment = environment;
        this.clock = clock;
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    private PriceFile file() {
        return new PriceFile(ModelStore.root(environment));
    }

    private PriceCatalog catalog() {
        return file().catalog(today());
    }

    private LocalDate today() {
        return LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC);
    }

    @Command(name = "list", description = "List the hosted models that prices are known of.")
    int list(@Option(names = "--provider", paramLabel = "NAME",
            description = "Only what this provider hosts.") String provider,
            @Option(names = "--json", description = "Print one JSON object.") boolean json) {
        PriceCatalog catalog = catalog();
        if (provider != null
                && catalog.providers().stream().noneMatch(provider::equalsIgnoreCase)) {
            throw new CommandLine.ParameterException(spec.commandLine(), "no provider is called \""
                    + provider + "\" (known: " + String.join(", ", catalog.providers()) + ")");
        }
        TextTable table = new TextTable("MODEL", "MAKER", "WEIGHTS", "OFFERS",
                "INPUT/OUTPUT FROM", "TO (USD per million tokens)");
        ObjectNode root = new JsonMapper().createObjectNode();
        root.put("as_of", catalog.today().toString()).put("unit", "USD per million tokens");
        ArrayNode models = root.putArray("models");
        for (HostedModel model : catalog.models()) {
            List<HostedPrice> prices = model.pricesOn(catalog.today()).stream()
                    .filter(price -> provider == null
                            || price.provider().equalsIgnoreCase(provider))
                    .toList();
            if (prices.isEmpty()) {
                continue;
            }
            table.row(model.name(), model.maker(), model.openWeights() ? "open" : "closed",
                    String.valueOf(prices.size()), pair(prices.getFirst()),
                    pair(prices.getLast()));
            ArrayNode offers = models.addObject().put("name", model.name())
                    .put("maker", model.maker()).put("open_weights", model.openWeights())
                    .putArray("offers");
            prices.forEach(price -> PriceJson.put(offers.addObject(), price));
        }
        if (json) {
            out.println(root.toPrettyString());
            return 0;
        }
        table.print(out);
        out.println(catalog.models().size() + " models, " + catalog.providers().size()
                + " providers; more in " + file().path() + " if it exists");
        return 0;
    }

    @Command(name = "show", description = "Show all offers of a hosted model, or of what compares"
            + " with a served one, and how their prices have changed.")
    int show(@Parameters(paramLabel = "MODEL",
            description = "A name from the list, or the id of a served model.") String name,
            @Option(names = "--json", description = "Print one JSON object.") boolean json) {
        PriceCatalog catalog = catalog();
        PriceCatalog.Match match = catalog.match(name);
        HostedModel model = catalog.model(name)
                .or(() -> catalog.model(match.model() == null ? "" : match.model()))
                .orElseThrow(() -> new CommandLine.ParameterException(spec.commandLine(),
                        "no hosted model is called \"" + name + "\" or compares with it;"
                                + " ./millrace prices list shows those that are known"));
        boolean same = match.same() || catalog.model(name).isPresent();
        List<HostedPrice> prices = model.pricesOn(catalog.today());
        if (json) {
            ObjectNode root = new JsonMapper().createObjectNode().put("model", model.name())
                    .put("maker", model.maker()).put("same_weights", same)
                    .put("open_weights", model.openWeights());
            ArrayNode offers = root.putArray("offers");
            prices.forEach(price -> PriceJson.put(offers.addObject(), price));
            out.println(root.toPrettyString());
            return 0;
        }
        out.println(model.name() + (same
                ? ""
                : ": the nearest hosted model, not the same weights as " + name));
        TextTable table = new TextTable("PROVIDER", "MODEL", "INPUT", "OUTPUT", "CACHED", "BATCH",
                "AS OF", "BEFORE");
        for (HostedPrice price : prices) {
            table.row(price.provider() + (price.gateway() ? " (gateway)" : ""), price.model(),
                    usd(price.inputUsdPerMillion()), usd(price.outputUsdPerMillion()),
                    usd(price.cachedInputUsdPerMillion()), Double.isNaN(price.batchFactor())
                            ? "-"
                            : "x" + usd(price.batchFactor()),
                    price.asOf().toString(), history(model, price));
        }
        table.print(out);
        out.println("USD per million tokens; sources: " + String.join(", ", prices.stream()
                .map(HostedPrice::source).distinct().sorted().toList()));
        catalog.staleness(prices).ifPresent(warning -> out.println("note: " + warning));
        return 0;
    }

    /** Earlier prices of the offer, latest first, where they differ. */
    private static String history(HostedModel model, HostedPrice price) {
        Offer offer = model.offers().stream()
                .filter(o -> o.provider().name().equals(price.provider())
                        && o.model().equals(price.model()))
                .findFirst().orElseThrow();
        StringBuilder text = new StringBuilder();
        PricePoint later = price.point();
        for (PricePoint point : offer.points().reversed()) {
            if (point.asOf().isBefore(price.asOf()) && (point.input() != later.input()
                    || point.output() != later.output() || point.tiers().size() != later.tiers()
                            .size())) {
                text.append(text.isEmpty() ? "" : ", ").append(usd(point.input())).append('/')
                        .append(usd(point.output()))
                        .append(point.tiers().isEmpty() ? "" : " and tiers").append(" on ")
                        .append(point.asOf());
                later = point;
            }
        }
        return text.toString();
    }

    @Command(name = "update", description = "Add prices from a JSON file of the catalog's own form"
            + " (docs/prices.md), keeping the old ones as history.")
    int update(@Parameters(paramLabel = "FILE", description = "The prices.") Path file) {
        PriceCatalog newer = PriceFile.read(file, today());
        file().add(newer);
        int offers = newer.models().stream().mapToInt(model -> model.offers().size()).sum();
        out.println(newer.models().size() + " models and " + offers + " offers of "
                + newer.providers().size() + " providers are now in " + file().path());
        return 0;
    }

    private static String pair(HostedPrice price) {
        return usd(price.inputUsdPerMillion()) + "/" + usd(price.outputUsdPerMillion()) + " "
                + price.provider();
    }

    private static String usd(double usd) {
        return Double.isNaN(usd)
                ? "-"
                : String.format(Locale.ROOT, "%.4f", usd).replaceAll("\\.?0+$", "");
    }
}

package dev.millrace.server.metering.rate;

import dev.millrace.models.NearMisses;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.LocalDate;
import java.util.List;
import java.util.stream.StreamSupport;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * What a common machine costs, as somebody published it: a beginning for a {@code cost:} section,
 * which may say every figure better.
 *
 * @param cost   keys of the section
 * @param asOf   the day of the figures
 * @param source where they are from
 */
public record HardwareProfile(String name, String description, JsonNode cost, LocalDate asOf,
        String source) {

    private static final List<String> RENT = List.of("usd_per_hour", "lease_usd_per_month");
    private static final List<String> OWNERSHIP = List.of("purchase_usd", "residual_usd",
            "lifetime_years");
    private static final List<String> POWER = List.of("idle_watts", "load_watts", "load_share");

    /** The profiles that come with the program. */
    public static List<HardwareProfile> all() {
        try (InputStream json = HardwareProfile.class.getResourceAsStream("profiles.json")) {
            return StreamSupport.stream(new JsonMapper().readTree(json).spliterator(), false)
                    .map(node -> new HardwareProfile(node.get("name").stringValue(),
                            node.get("description").stringValue(), node.get("cost"),
                            LocalDate.parse(node.get("as_of").stringValue()),
                            node.get("source").stringValue()))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A section with a profile's figures wherever it has none of its own. Rent replaces purchase
     * and the other way round, one wattage replaces two.
     */
    static JsonNode fill(JsonNode section) {
        String wanted = section.path("profile").asString("");
        List<HardwareProfile> all = all();
        HardwareProfile profile = all.stream().filter(one -> one.name.equals(wanted)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("cost.profile \"" + wanted
                        + "\" is not known" + NearMisses.hint(wanted, all.stream()
                                .map(HardwareProfile::name).toList())
                        + "; ./millrace cost profiles lists those that are"));
        ObjectNode filled = ((ObjectNode) profile.cost).deepCopy();
        if (RENT.stream().anyMatch(section::has)) {
            filled.remove(OWNERSHIP);
            filled.remove(RENT);
        }
        if (section.has("purchase_usd")) {
            filled.remove(RENT);
        }
        if (section.has("power_curve")) {
            filled.remove(List.of("watts", "idle_watts", "load_watts"));
        } else if (section.has("watts")) {
            filled.remove(POWER);
        } else if (POWER.stream().anyMatch(section::has)) {
            filled.remove("watts");
        }
        section.properties().forEach(entry -> filled.set(entry.getKey(), entry.getValue()));
        filled.remove("profile");
        return filled;
    }
}

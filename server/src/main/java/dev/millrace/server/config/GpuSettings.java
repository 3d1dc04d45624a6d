package dev.millrace.server.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which GPUs may be used, how many of them share a model, and how many serve it side by side.
 *
 * @param most           so many, the first ones; 0 for all, or for those of {@code places}
 * @param places         these, by their places among the driver's devices; empty for any
 * @param tensorParallel so many share every model; 0 for as few as it fits on
 * @param replicas       as often is every model there, each time on as many GPUs as share it
 */
public record GpuSettings(int most, List<Integer> places, int tensorParallel, int replicas) {

    private static final int MOST_GPUS = 64;
    private static final String ALL = "all";
    private static final String ONE = "device=";
    private static final String ALLOWED = "all, how many such as 2, or which, such as 0,1 or"
            + " device=1; each once";

    public GpuSettings {
        places = List.copyOf(places);
    }

    /**
     * What a command line says, for a command that takes nothing else of a server's.
     *
     * @throws ConfigException if it is not allowed
     */
    public static GpuSettings ofFlags(Optional<String> gpus, int tensorParallel) {
        Settings settings = new Settings();
        gpus.ifPresent(text -> settings.put(Setting.GPUS, text, Setting.GPUS.flag()));
        settings.put(Setting.TENSOR_PARALLEL, Integer.toString(tensorParallel),
                Setting.TENSOR_PARALLEL.flag());
        return of(settings);
    }

    static GpuSettings of(Settings settings) {
        int tensorParallel = settings.numberOrAuto(Setting.TENSOR_PARALLEL, 1, MOST_GPUS);
        int replicas = settings.number(Setting.REPLICAS, 1, MOST_GPUS, 1);
        String text = settings.text(Setting.GPUS).orElse(ALL).strip();
        if (text.equalsIgnoreCase(ALL)) {
            return new GpuSettings(0, List.of(), tensorParallel, replicas);
        }
        boolean listed = text.startsWith(ONE) || text.contains(",");
        String list = text.startsWith(ONE) ? text.substring(ONE.length()) : text;
        List<Integer> numbers = new ArrayList<>();
        for (String word : list.split(",", -1)) {
            int number = number(settings, word.strip());
            if (numbers.contains(number)) {
                throw settings.wrong(Setting.GPUS, ALLOWED);
            }
            numbers.add(number);
        }
        if (!listed && numbers.getFirst() == 0) {
            throw settings.wrong(Setting.GPUS, ALLOWED);
        }
        int named = listed ? numbers.size() : numbers.getFirst();
        if (tensorParallel > named) {
            throw new ConfigException("tensor_parallel is " + tensorParallel + ", and gpus names "
                    + named + " only; lower the one or raise the other");
        }
        if (replicas > 1 && replicas * Math.max(1, tensorParallel) > named) {
            throw new ConfigException("replicas is " + replicas + (tensorParallel > 1
                    ? " of tensor_parallel " + tensorParallel + " each"
                    : "") + ", and gpus names " + named + " only; lower the one or raise the"
                    + " other");
        }
        return listed
                ? new GpuSettings(0, numbers, tensorParallel, replicas)
                : new GpuSettings(numbers.getFirst(), List.of(), tensorParallel, replicas);
    }

    private static int number(Settings settings, String word) {
        if (!word.matches("[0-9]{1,2}") || Integer.parseInt(word) > MOST_GPUS) {
            throw settings.wrong(Setting.GPUS, ALLOWED);
        }
        return Integer.parseInt(word);
    }
}

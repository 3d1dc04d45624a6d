package dev.millrace.server.wiring;

import dev.millrace.engine.forward.BackendException;
import dev.millrace.kernels.KernelException;
import dev.millrace.kernels.cuda.CudaDeviceInfo;
import dev.millrace.kernels.cuda.Nccl;
import dev.millrace.server.config.GpuSettings;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Which of a machine's GPUs a configuration asks for. What is named and not there stops the server.
 *
 * @param cuda whether the configuration says {@code backend: cuda}
 */
public record GpuChoice(GpuSettings settings, boolean cuda) {

    /** @throws BackendException if GPUs were named and there is none to be used */
    void requireNone(String reason, String advice) {
        Optional<String> named = cuda ? Optional.of("--backend=cuda") : named();
        if (named.isPresent()) {
            throw new BackendException(named.get() + " cannot serve: " + reason + "; " + advice
                    + (settings.replicas() > 1 ? ", or leave it out" : ", or use --backend=cpu"));
        }
    }

    /** @throws BackendException if GPUs were named for a server that uses none */
    void requireNothingNamed() {
        if (settings.replicas() > 1) {
            throw new BackendException("--replicas=" + settings.replicas() + " needs GPUs: a"
                    + " processor's threads are one device, which one engine keeps busy; leave it"
                    + " out with --backend=cpu");
        }
        if (named().isPresent()) {
            throw new BackendException(named().get() + " says nothing with --backend=cpu; leave"
                    + " one of them out");
        }
    }

    private Optional<String> named() {
        return settings.replicas() > 1
                ? Optional.of("--replicas=" + settings.replicas())
                : tensorParallel();
    }

    private Optional<String> tensorParallel() {
        return settings.tensorParallel() > 1
                ? Optional.of("--tensor-parallel=" + settings.tensorParallel())
                : settings.most() > 0 || !settings.places().isEmpty()
                        ? Optional.of("--gpus")
                        : Optional.empty();
    }

    /** Those that may be used, in the order in which they were named. */
    public List<CudaDeviceInfo> allowed(List<CudaDeviceInfo> found) {
        if (settings.most() > found.size()) {
            throw missing("asks for " + settings.most(), found);
        }
        if (settings.places().isEmpty()) {
            return settings.most() == 0 ? found : found.subList(0, settings.most());
        }
        return settings.places().stream().map(place -> found.stream()
                .filter(device -> device.handle() == place).findFirst()
                .orElseThrow(() -> missing("names " + place, found))).toList();
    }

    private static BackendException missing(String what, List<CudaDeviceInfo> found) {
        return new BackendException("--gpus " + what + ", and the GPUs that can be used are "
                + list(found) + "; see nvidia-smi and CUDA_VISIBLE_DEVICES");
    }

    /**
     * As many as are to share every model, one unless a number was named; as often as it is to be
     * served side by side.
     *
     * @param nccl what several need
     * @throws BackendException if there are not as many, or they cannot
     */
    public List<List<CudaDeviceInfo>> groups(List<CudaDeviceInfo> allowed, Supplier<Nccl> nccl) {
        int count = Math.max(1, settings.tensorParallel());
        int needed = count * settings.replicas();
        if (count > allowed.size()) {
            throw new BackendException("--tensor-parallel=" + count + " asks for more GPUs than"
                    + " can be used, " + list(allowed) + "; lower it");
        }
        if (count > 1) {
            try {
                nccl.get();
            } catch (KernelException e) {
                throw new BackendException("--tensor-parallel=" + count + " cannot serve: "
                        + e.getMessage(), e);
            }
        }
        if (needed > allowed.size()) {
            throw new BackendException("--replicas=" + settings.replicas() + (count > 1
                    ? " of --tensor-parallel=" + count
                    : "") + " asks for " + needed + " GPUs, and those that can be used are "
                    + list(allowed) + "; lower it");
        }
        List<CudaDeviceInfo> all = alike(allowed, needed);
        return IntStream.range(0, settings.replicas())
                .mapToObj(group -> all.subList(group * count, (group + 1) * count)).toList();
    }

    /** @throws BackendException if they are of several kinds, whose results may differ */
    static List<CudaDeviceInfo> alike(List<CudaDeviceInfo> allowed, int count) {
        List<CudaDeviceInfo> first = allowed.subList(0, count);
        if (first.stream().map(CudaDeviceInfo::capability).distinct().count() > 1) {
            throw new BackendException("GPUs that share a model, or serve it side by side, must be"
                    + " of one compute capability, and these are " + list(first)
                    + "; choose with --gpus");
        }
        return first;
    }

    private static String list(List<CudaDeviceInfo> devices) {
        return devices.stream().map(device -> device.handle() + " (" + device.name() + ", "
                + device.capabilityText() + ")").collect(Collectors.joining(", "));
    }

    /** Why these serve; nothing if they were named. */
    String why(int found) {
        return cuda || named().isPresent()
                ? ""
                : found == 1 ? "auto: there is a GPU" : "auto: there are " + found + " GPUs";
    }
}

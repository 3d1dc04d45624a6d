package dev.millrace.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.cuda.cudart.CUgraph_st;

/** A process that makes one mistake with two emulated devices, which the emulator is to end. */
final class GroupMistakes {

    private static final int FLOATS = 8;
    private static final int BYTES = 4 * FLOATS;

    private final List<CudaDevice> devices = EmulatedDriver.devices(2).stream()
            .map(EmulatedDriver::open).toList();
    private final Nccl nccl = Nccl.load();
    private final MemorySegment[] communicators = nccl.communicators(new int[]{0, 1});
    private final long[] memory = devices.stream().mapToLong(device -> {
        device.makeCurrent();
        return device.allocate(4 * BYTES);
    }).toArray();

    private GroupMistakes() {}

    public static void main(String[] arguments) {
        EmulatedDriver.load();
        new GroupMistakes().make(arguments[0]);
    }

    private void make(String mistake) {
        nccl.startGroup();
        switch (mistake) {
            case "sizes" -> {
                gather(0, 0, FLOATS);
                gather(1, 1, FLOATS - 1);
            }
            case "absence" -> gather(0, 0, FLOATS);
            case "memory" -> gather(0, 1, FLOATS);
            case "half" -> {
                devices.getFirst().makeCurrent();
                devices.getFirst().beginCapture();
                gather(0, 0, FLOATS);
                gather(1, 1, FLOATS);
            }
            case "launches" -> recorded().forEach(graph -> {
                graph.device().makeCurrent();
                graph.launch();
            });
            case "leak" -> {
                recorded();
                List.of(communicators).forEach(nccl::destroy);
            }
            case "wait" -> {
                EmulatedDriver.fail("exchange", 1, 700);
                gather(0, 0, FLOATS);
                gather(1, 1, FLOATS);
                nccl.endGroup();
                devices.getFirst().makeCurrent();
                devices.getFirst().synchronize(); // as if it were of no group
            }
            case "overlap" -> nccl.allGather(MemorySegment.ofAddress(memory[0] + 4),
                    MemorySegment.ofAddress(memory[0]), FLOATS, communicators[0],
                    devices.getFirst().streamHandle());
            default -> {
                devices.getFirst().makeCurrent();
                new HeadNormKernels(devices.getFirst()).squares(
                        new HeadNormKernels.Heads(memory[0], memory[1], 0, 0, 1, 1), memory[0],
                        1);
            }
        }
        nccl.endGroup();
    }

    private List<CudaGraph> recorded() {
        List<CUgraph_st> recorded = new ArrayList<>();
        devices.forEach(device -> {
            device.makeCurrent();
            device.beginCapture();
        });
        gather(0, 0, FLOATS);
        gather(1, 1, FLOATS);
        nccl.endGroup();
        devices.forEach(device -> recorded.add(device.endCapture()));
        return IntStream.range(0, recorded.size()).mapToObj(i -> {
            devices.get(i).makeCurrent();
            return devices.get(i).keep(recorded.get(i));
        }).toList();
    }

    private void gather(int device, int source, int floats) {
        nccl.allGather(MemorySegment.ofAddress(memory[source] + 2 * BYTES),
                MemorySegment.ofAddress(memory[device]), floats, communicators[device],
                devices.get(device).streamHandle());
    }
}

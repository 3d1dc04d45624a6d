// Streams of emulated devices, and what several of them do together. A stream does what it was given
// when somebody waits for it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "failures.h"

struct Device {
  size_t taken_bytes;
  int lost = 0; // the error that it answers to everything
};

struct Stream;

// What several streams do together, once all of them have come to it; again and again if captured.
struct Meeting {
  std::vector<Stream*> streams;
  std::map<Stream*, std::thread::id> launchers; // of the last graph that has it
  std::function<bool()> work; // false if it does not come about

  bool hold();
  void launched(Stream* stream);
};

struct Work {
  std::function<void()> body;       // with copies of what it was given
  std::shared_ptr<Meeting> meeting; // instead of a body, or null
};

typedef std::vector<Work> Graph;

enum { CAPTURE_INVALIDATED = 901 };

struct Stream {
  Device* device;
  std::deque<Work> work = {};
  bool arriving = false; // on its way to a meeting
  bool capturing = false, spoiled = false;
  std::thread::id owner = {}; // of the capture
  Graph recorded = {};

  int add(Work one) {
    if (spoiled) return CAPTURE_INVALIDATED;
    if (capturing) {
      recorded.push_back(std::move(one));
    } else {
      work.push_back(std::move(one));
    }
    return 0;
  }

  // Does all it can. Returns whether nothing is left, which would wait for another device.
  bool run() {
    while (!work.empty()) {
      if (!step()) return false;
    }
    return true;
  }

  bool step() {
    if (std::shared_ptr<Meeting> meeting = work.front().meeting) return meeting->hold();
    Work now = std::move(work.front());
    work.pop_front();
    now.body();
    return true;
  }

  // Comes to a meeting, which then is what it would do next. Returns whether it gets there.
  bool arrive(const Meeting* meeting) {
    if (arriving) wait_for_ever();
    arriving = true;
    bool there = true;
    while (there && (work.empty() || work.front().meeting.get() != meeting)) {
      there = !work.empty() && step();
    }
    arriving = false;
    return there;
  }

  // What it does with others does not come about any more.
  void abandon() {
    auto last = std::remove_if(work.begin(), work.end(),
                               [](const Work& each) { return each.meeting != nullptr; });
    work.erase(last, work.end());
  }

  static void wait_for_ever() {
    fprintf(stderr, "CUDA emulator: devices wait for each other for ever\n");
    abort();
  }
};

// A device may keep who launches a graph until those that it meets are launched as well.
inline void Meeting::launched(Stream* stream) {
  std::thread::id thread = std::this_thread::get_id();
  launchers[stream] = thread;
  for (auto& other : launchers) {
    if (other.first == stream || other.second != thread) continue;
    fprintf(stderr, "CUDA emulator: a thread launches two graphs that wait for each other\n");
    abort();
  }
}

// From now on the device answers everything with an error.
void lose(Device* device, int error);

inline bool Meeting::hold() {
  for (Stream* each : streams) {
    if (!each->arrive(this)) return false;
  }
  if (int error = failures::next("exchange")) {
    lose(streams.back()->device, error);
    return false;
  }
  if (!work()) return false;
  for (Stream* each : streams) each->work.pop_front();
  return true;
}

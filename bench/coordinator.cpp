#include "coordinator.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bare_http.h"
#include "base/assert.h"

// What a coordinator cannot do without, and nothing else:
//
//   read the request → [sync of the plan] → call → answer → call → answer → sync of the outcome → answer the client
//
// One thread with the sockets, one that writes. Nothing is parsed but where a message ends, nothing is looked up, no
// transaction is remembered; each client connection has a participant connection of its own.
namespace settle::bench {
namespace {

/// Appends to a file and syncs, for everybody who has asked meanwhile: a group.
class LogWriter {
 public:
  using Ticket = std::uint32_t;

  LogWriter(const std::string& directory, std::size_t record_bytes)
      : record_bytes_(record_bytes),
        file_(open((directory + "/log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)),
        done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    SETTLE_ASSERT(file_.open() && done_.open());
    thread_ = std::thread([this] { run(); });
  }
  ~LogWriter() {
    {
      const std::lock_guard hold(lock_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void write(const std::vector<Ticket>& tickets) {
    {
      const std::lock_guard hold(lock_);
      inbox_.insert(inbox_.end(), tickets.begin(), tickets.end());
    }
    wake_.notify_one();
  }
  [[nodiscard]] const net::Fd& done() const { return done_; }
  void take_written(std::vector<Ticket>& tickets) {
    eventfd_t ignored = 0;
    (void)eventfd_read(done_.get(), &ignored);
    const std::lock_guard hold(lock_);
    tickets.swap(written_);
  }

 private:
  // The log goes round, so that a long run does not fill the disk.
  static constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
  static constexpr std::size_t kAheadBytes = std::size_t{64} << 20;

  void run() {
    std::vector<Ticket> group;
    std::unique_lock held(lock_);
    for (;;) {
      wake_.wait(held, [this] { return stop_ || !inbox_.empty(); });
      if (stop_) return;
      group.clear();
      group.swap(inbox_);
      held.unlock();
      append(group.size() * record_bytes_);
      held.lock();
      written_.insert(written_.end(), group.begin(), group.end());
      SETTLE_ASSERT(eventfd_write(done_.get(), 1) == 0);
    }
  }

  void append(std::size_t bytes) {
    if (at_ + bytes > kFileBytesMax) at_ = 0;
    // Blocks are reserved ahead, as databases do: then a sync has little to tell about the file itself.
    if (at_ + bytes > ahead_) {
      SETTLE_ASSERT(fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(ahead_), kAheadBytes) == 0);
      ahead_ += kAheadBytes;
    }
    bytes_.resize(bytes, 'r');
    SETTLE_ASSERT(pwrite(file_.get(), bytes_.data(), bytes, static_cast<off_t>(at_)) == static_cast<ssize_t>(bytes));
    SETTLE_ASSERT(fdatasync(file_.get()) == 0);
    at_ += bytes;
  }

  const std::size_t record_bytes_;
  net::Fd file_;
  net::Fd done_;
  std::string bytes_;
  std::size_t at_ = 0;
  std::size_t ahead_ = 0;
  std::mutex lock_;
  std::condition_variable wake_;
  std::vector<Ticket> inbox_;    // guarded by lock_
  std::vector<Ticket> written_;  // guarded by lock_
  bool stop_ = false;            // guarded by lock_
  std::thread thread_;
};

class Coordinator {
 public:
  explicit Coordinator(const Options& options)
      : options_(options), log_(options.data, kLogBytesPerSaga / options.syncs), listener_(listen_on_loopback(port_)) {
    make_messages();
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    signal_.reset(signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK));
    poll_.add(listener_, kListener);
    poll_.add(log_.done(), kLog);
    poll_.add(signal_, kSignal);
    std::fprintf(stderr, "listening api=127.0.0.1:%u\n", unsigned{port_});
  }

  void run() {
    while (!stop_) {
      poll_.wait(-1, [this](std::uint64_t number) { on_ready(number); });
      if (!to_write_.empty()) log_.write(to_write_);
      to_write_.clear();
    }
  }

 private:
  static constexpr std::uint64_t kListener = 0;
  static constexpr std::uint64_t kLog = 1;
  static constexpr std::uint64_t kSignal = 2;
  static constexpr std::uint64_t kFirstSaga = 4;  // even: its client; odd: its participant

  enum class Stage : std::uint8_t { kIdle, kPlan, kFirstCall, kSecondCall, kOutcome };
  struct Saga {
    net::Fd client;
    net::Fd participant;
    Inbox from_client;
    Inbox from_participant;
    std::string call;
    Stage stage = Stage::kIdle;
  };

  void make_messages() {
    // The same bytes as settled's: its request to a participant without and its answer to the client with a body.
    call_ = "POST /branch HTTP/1.1\r\nhost: 127.0.0.1:12345\r\ncontent-length: 0\r\nsettle-op: action\r\nsettle-gid: ";
    call_gid_at_ = call_.size();
    call_ += std::string(kGidBytes, '0') + "\r\nsettle-branch: ";
    call_branch_at_ = call_.size();
    call_ += "a\r\nfill: ";
    if (call_.size() + 4 < options_.call_bytes) call_.append(options_.call_bytes - 4 - call_.size(), 'x');
    call_ += "\r\n\r\n";

    const std::string head = "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: ";
    std::string body = R"({"outcome":"committed")";
    const std::size_t fixed = head.size() + 3 + 4 + 1;
    if (fixed + body.size() < options_.answer_bytes) body.append(options_.answer_bytes - fixed - body.size(), ' ');
    body += '}';
    answer_ = head + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  void on_ready(std::uint64_t number) {
    if (number == kListener) return accept_all();
    if (number == kLog) return on_written();
    if (number == kSignal) {
      stop_ = true;
      return;
    }
    const auto index = static_cast<std::uint32_t>((number - kFirstSaga) / 2);
    if (number % 2 == 0) {
      on_request(index);
    } else {
      on_answer(index);
    }
  }

  void accept_all() {
    for (net::Fd fd = accept_from(listener_); fd.open(); fd = accept_from(listener_)) {
      auto saga = std::make_unique<Saga>();
      saga->client = std::move(fd);
      saga->participant = connect_to_loopback(options_.participant);
      SETTLE_ASSERT(saga->participant.open());
      saga->call = call_;
      poll_.add(saga->client, kFirstSaga + 2 * sagas_.size());
      poll_.add(saga->participant, kFirstSaga + 2 * sagas_.size() + 1);
      sagas_.push_back(std::move(saga));
    }
  }

  void on_request(std::uint32_t index) {
    Saga& saga = *sagas_[index];
    if (saga.from_client.receive(saga.client) == Inbox::Got::kEnd) {
      poll_.remove(saga.client);
      saga.client.reset();
      return;
    }
    const std::string_view data = saga.from_client.data();
    Message request;
    if (saga.stage != Stage::kIdle || !read_message(data, request)) return;
    const std::size_t gid = data.find(R"("gid":")");
    SETTLE_ASSERT(gid != std::string_view::npos && gid + 7 + kGidBytes <= request.bytes);
    saga.call.replace(call_gid_at_, kGidBytes, data.substr(gid + 7, kGidBytes));
    saga.from_client.drop(request.bytes);
    if (options_.syncs == 2) {
      saga.stage = Stage::kPlan;
      to_write_.push_back(index);
    } else {
      call(saga, Stage::kFirstCall);
    }
  }

  static void receive_answer(Saga& saga, bool& complete) {
    SETTLE_ASSERT(saga.from_participant.receive(saga.participant) != Inbox::Got::kEnd);
    Message answer;
    complete = read_message(saga.from_participant.data(), answer);
    if (complete) saga.from_participant.drop(answer.bytes);
  }

  void on_answer(std::uint32_t index) {
    Saga& saga = *sagas_[index];
    bool complete = false;
    receive_answer(saga, complete);
    if (!complete) return;
    if (saga.stage == Stage::kFirstCall) {
      call(saga, Stage::kSecondCall);
    } else {
      saga.stage = Stage::kOutcome;
      to_write_.push_back(index);
    }
  }

  void call(Saga& saga, Stage stage) {
    saga.stage = stage;
    saga.call[call_branch_at_] = stage == Stage::kFirstCall ? 'a' : 'b';
    SETTLE_ASSERT(send_all(saga.participant, saga.call));
  }

  void on_written() {
    written_.clear();
    log_.take_written(written_);
    for (const LogWriter::Ticket index : written_) {
      Saga& saga = *sagas_[index];
      if (saga.stage == Stage::kPlan) {
        call(saga, Stage::kFirstCall);
      } else {
        saga.stage = Stage::kIdle;
        if (saga.client.open()) (void)send_all(saga.client, answer_);
      }
    }
  }

  static constexpr std::size_t kGidBytes = 20;

  const Options options_;
  std::uint16_t port_ = 0;
  LogWriter log_;
  net::Fd listener_;
  net::Fd signal_;
  Poll poll_;
  std::vector<std::unique_ptr<Saga>> sagas_;
  std::vector<LogWriter::Ticket> to_write_;
  std::vector<LogWriter::Ticket> written_;
  std::string call_;
  std::size_t call_gid_at_ = 0;
  std::size_t call_branch_at_ = 0;
  std::string answer_;
  bool stop_ = false;
};

}  // namespace

int run_floor_coordinator(const Options& options) {
  SETTLE_ASSERT(options.syncs == 1 || options.syncs == 2);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, nullptr);  // before the writer's thread begins
  Coordinator(options).run();
  return 0;
}

}  // namespace settle::bench

#include "e2e/services.h"

#include <algorithm>
#include <thread>

namespace settle::e2e {

Script say(int status, std::string body) {
  return [status, body = std::move(body)](const Heard&) { return Said{status, body, {}, Said::How::kAnswer}; };
}

Script hang() {
  return [](const Heard&) { return Said{0, {}, {}, Said::How::kHang}; };
}

Script work(milliseconds time, Script then) {
  return [time, then = std::move(then)](const Heard& heard) {
    std::this_thread::sleep_for(time);
    return then(heard);
  };
}

Script in_turn(std::vector<Script> scripts) {
  return [scripts = std::move(scripts)](const Heard& heard) {
    return scripts[std::min(static_cast<std::size_t>(heard.turn), scripts.size() - 1)](heard);
  };
}

void Gate::open() {
  {
    const std::lock_guard guard(state_->lock);
    state_->open = true;
  }
  state_->changed.notify_all();
}

Script Gate::held(Script then) const {
  return [state = state_, then = std::move(then)](const Heard& heard) {
    std::unique_lock guard(state->lock);
    state->changed.wait(guard, [&] { return state->open; });
    guard.unlock();
    return then(heard);
  };
}

Services::Services() : port_(live::free_port()) { open(); }

void Services::open() {
  server_ = std::make_unique<live::Server>(port_, [this](const live::Message& request) { return on_request(request); });
}

void Services::on(const std::string& path, Script script) {
  const std::lock_guard guard(lock_);
  scripts_[path] = std::move(script);
}

Said Services::on_request(const live::Message& request) {
  Heard heard;
  heard.at = Clock::now();
  heard.path = request.target;
  heard.gid = request.header("settle-gid");
  heard.branch = request.header("settle-branch");
  heard.op = request.header("settle-op");
  heard.attempt = std::atoi(request.header("settle-attempt").c_str());
  heard.request = request;
  Script script = say(200);
  std::size_t index = 0;
  {
    const std::lock_guard guard(lock_);
    heard.turn = turns_[{heard.gid, heard.path}]++;
    index = heard_.size();
    heard_.push_back(heard);
    if (const auto found = scripts_.find(heard.path); found != scripts_.end()) script = found->second;
  }
  Said said = script(heard);
  const std::lock_guard guard(lock_);
  heard_[index].answered_at = Clock::now();
  return said;
}

std::vector<Heard> Services::heard(std::string_view gid, std::string_view path) const {
  const std::lock_guard guard(lock_);
  std::vector<Heard> all;
  std::ranges::copy_if(heard_, std::back_inserter(all), [&](const Heard& heard) {
    return (gid.empty() || heard.gid == gid) && (path.empty() || heard.path == path);
  });
  return all;
}

std::size_t Services::count(std::string_view gid, std::string_view path) const { return heard(gid, path).size(); }

std::string Services::story(std::string_view gid) const {
  std::string text;
  for (const Heard& heard : this->heard(gid)) text += (text.empty() ? "" : " ") + heard.path;
  return text;
}

bool Services::hears(std::string_view gid, std::string_view path, std::size_t times) const {
  return eventually(kPatience, [&] { return count(gid, path) >= times; });
}

}  // namespace settle::e2e

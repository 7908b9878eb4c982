#include "dtm/services.h"

#include <algorithm>

namespace settle::dtm_test {
namespace {

std::string parameter(const std::string& query, const std::string& name) {
  for (std::size_t at = 0; at < query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string pair = query.substr(at, end - at);
    if (pair.starts_with(name + "=")) return pair.substr(name.size() + 1);
    at = end + 1;
  }
  return {};
}

}  // namespace

Script say(int status, std::string body) {
  return [status, body = std::move(body)](const Heard&) { return Said{status, body, {}, Said::How::kAnswer}; };
}

Script in_turn(std::vector<Script> scripts) {
  return [scripts = std::move(scripts)](const Heard& heard) {
    return scripts[std::min(static_cast<std::size_t>(heard.turn), scripts.size() - 1)](heard);
  };
}

Services::Services()
    : port_(live::free_port()), server_(std::make_unique<live::Server>(port_, [this](const live::Message& request) {
        return on_request(request);
      })) {}

void Services::on(const std::string& path, Script script) {
  const std::lock_guard guard(lock_);
  scripts_[path] = std::move(script);
}

Said Services::on_request(const live::Message& request) {
  Heard heard;
  heard.method = request.method;
  const std::size_t mark = std::min(request.target.find('?'), request.target.size());
  heard.path = request.target.substr(0, mark);
  if (mark < request.target.size()) heard.query = request.target.substr(mark + 1);
  heard.gid = parameter(heard.query, "gid");
  heard.branch = parameter(heard.query, "branch_id");
  heard.op = parameter(heard.query, "op");
  heard.request = request;
  Script script = say(200);
  {
    const std::lock_guard guard(lock_);
    heard.turn = turns_[heard.path]++;
    heard_.push_back(heard);
    if (const auto found = scripts_.find(heard.path); found != scripts_.end()) script = found->second;
  }
  return script(heard);
}

std::vector<Heard> Services::heard() const {
  const std::lock_guard guard(lock_);
  return heard_;
}

std::string Services::story() const {
  std::string text;
  for (const Heard& one : heard()) {
    text += (text.empty() ? "" : ", ") + one.method + " " + one.path + " " + one.op + " " + one.branch;
  }
  return text;
}

std::size_t Services::count(std::string_view path) const {
  const std::vector<Heard> all = heard();
  return static_cast<std::size_t>(std::ranges::count_if(all, [&](const Heard& one) { return one.path == path; }));
}

}  // namespace settle::dtm_test

#include "kill/last_questions.h"

#include <iostream>
#include <set>

namespace settle::kill {

using live::Reply;

void come_to_rest(const live::Client& client, const Serve& serve, Journal& journal,
                  std::vector<std::string>& accidents) {
  bool at_rest = false;
  serve(live::kPatience * 2, [&] {
    const Reply page = client.get("/v1/transactions?outcome=running&limit=1");
    at_rest = page.ok() && page.body.contains("transactions") && page.body.at("transactions").empty();
    return at_rest;
  });
  if (at_rest) return;
  for (const Json& document : client.list("outcome=running")) {
    journal.write("open", document.value("gid", ""));
    std::cerr << "  still running: " << document.dump() << "\n";
  }
  accidents.emplace_back("the daemon has not come to rest");
}

void ask_for_all(std::uint16_t daemon, const std::string& folder, std::size_t participants, Journal& journal,
                 std::vector<std::string>& accidents) {
  std::set<std::string> acknowledged;
  std::vector<Json> lines = read_journal(folder + "/client.journal");
  for (std::size_t i = 0; i < participants; ++i) {
    for (Json& line : read_journal(folder + "/producer-" + std::to_string(i) + ".journal")) {
      lines.push_back(std::move(line));
    }
  }
  for (const Json& line : lines) {
    if (line.at("what") == "ack") acknowledged.insert(line.at("gid").get<std::string>());
  }
  live::KeptLine line(daemon);
  for (const std::string& gid : acknowledged) {
    Reply reply;
    (void)live::eventually(live::kPatience, [&] {  // 503 says: again
      reply = live::reply_of(line.exchange("GET", "/v1/transactions/" + gid, {}, live::kPatience));
      return reply.status != 503;
    });
    if (reply.problem() == "unknown-gid") {
      journal.write("missing", gid);
    } else if (!reply.ok()) {
      accidents.push_back("no answer about " + gid + ": " + std::to_string(reply.status));
    } else {
      journal.note(gid, reply.body);
      if (reply.outcome() == "running") journal.write("open", gid);
      if (reply.body.contains("incident")) {
        journal.write({{"what", "incident"}, {"gid", gid}, {"why", reply.body.at("incident")}});
      }
    }
  }
}

}  // namespace settle::kill

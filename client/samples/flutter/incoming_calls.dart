// A Flutter app that Firebase wakes, and a page that rings, answers and refuses. Not compiled in this repository.
//
// pubspec.yaml: firebase_core, firebase_messaging, flutter_local_notifications, http, tencent_rtc_sdk.

import 'dart:async';
import 'dart:convert';
import 'dart:math';

import 'package:firebase_core/firebase_core.dart';
import 'package:firebase_messaging/firebase_messaging.dart';
import 'package:flutter/material.dart';
import 'package:flutter_local_notifications/flutter_local_notifications.dart';
import 'package:http/http.dart' as http;

/// What the backend answered. `code` is 0, or one of the codes of docs/protocol.md.
class Answer {
  Answer(this.status, this.code, this.data);
  final int status;
  final int code;
  final Map<String, dynamic> data;
}

class Backend {
  Backend(this.server, this.token);
  final String server;
  final Future<String> Function() token;
  final _random = Random.secure();

  Future<Answer> call(String callId) => _insist('GET', '/api/calls/$callId', null, null, 3);

  /// `action` is `ringing`, `accepted`, `declined`, `rejected` or `hangup`. One tap is one key, however often it is sent.
  Future<Answer> act(String callId, String action, String clientId) {
    final key = List.generate(16, (_) => _random.nextInt(256).toRadixString(16).padLeft(2, '0')).join();
    final body = {'call_id': callId, 'action': action, 'client_id': clientId};
    return _insist('POST', '/api/calls/callee-action', body, key, 5);
  }

  /// Sends `client_id` too, so that push and MQTT are one phone.
  Future<Answer> registerToken(String token, String platform, String clientId) => _insist(
      'POST', '/api/v1/devices/register', {'fcm_token': token, 'platform': platform, 'client_id': clientId}, null, 5);

  /// Sends the same request again after no answer, 429 and 5xx, with a random wait.
  Future<Answer> _insist(String method, String path, Object? body, String? key, int tries) async {
    var spread = 1000;
    for (var tried = 1; ; tried++) {
      var wait = _random.nextInt(spread);
      try {
        final request = http.Request(method, Uri.parse(server + path));
        request.headers['authorization'] = 'Bearer ${await token()}';
        if (key != null) request.headers['idempotency-key'] = key;
        if (body != null) {
          request.headers['content-type'] = 'application/json';
          request.body = jsonEncode(body);
        }
        final response = await http.Response.fromStream(await request.send().timeout(const Duration(seconds: 10)));
        final status = response.statusCode;
        if (status != 429 && status < 500 || tried == tries) {
          // API Gateway refuses with a body of its own, which has no `code`.
          final decoded = jsonDecode(utf8.decode(response.bodyBytes));
          final envelope = decoded is Map<String, dynamic> ? decoded : const <String, dynamic>{};
          final data = envelope['data'];
          return Answer(status, envelope['code'] as int? ?? -1, data is Map<String, dynamic> ? data : const {});
        }
        final asked = int.tryParse(response.headers['retry-after'] ?? '');
        if (asked != null) wait = asked * 1000 + _random.nextInt(1000);
      } catch (_) {
        if (tried == tries) rethrow;
      }
      await Future<void>.delayed(Duration(milliseconds: wait));
      spread = min(spread * 2, 30000);
    }
  }
}

final _notifications = FlutterLocalNotificationsPlugin();

/// Runs in an isolate of its own, also when the app does not run.
@pragma('vm:entry-point')
Future<void> onBackgroundMessage(RemoteMessage message) async {
  await Firebase.initializeApp();
  final callId = message.data['call_id'] as String?;
  if (callId == null) return;
  switch (message.data['type']) {
    case 'VIDEO_CALL':
      // A push may have waited for the phone. Where nobody can say, it rings.
      final answer = await App.backend().call(callId).then<Answer?>((answer) => answer, onError: (_) => null);
      final left = answer == null ? int.tryParse(message.data['remaining_ms'] ?? '') ?? 20000 : answer.data['remaining_ms'] as int? ?? 0;
      if (left > 0) await showCall(callId, message.data['caller_name'] as String? ?? '', left);
    case 'CALL_ENDED':
      if (message.data['device_id'] != App.clientId) await _notifications.cancel(callId.hashCode);
  }
}

Future<void> showCall(String callId, String name, int remainingMs) => _notifications.show(
      callId.hashCode,
      name,
      null,
      NotificationDetails(
        android: AndroidNotificationDetails(
          'calls',
          'Calls',
          importance: Importance.max,
          priority: Priority.max,
          category: AndroidNotificationCategory.call,
          fullScreenIntent: true,
          ongoing: true,
          // It falls silent by itself: no message need come.
          timeoutAfter: remainingMs,
          actions: const [
            AndroidNotificationAction('accepted', 'Answer', showsUserInterface: true),
            AndroidNotificationAction('declined', 'Not here'),
          ],
        ),
      ),
      payload: callId,
    );

/// What belongs to the app: where it is, who is logged in.
class App {
  static Backend backend() => Backend('https://calls.example', () async => 'an access token');
  static String clientId = 'user456_android_uuid1234';

  static Future<void> start() async {
    await Firebase.initializeApp();
    FirebaseMessaging.onBackgroundMessage(onBackgroundMessage);
    final messaging = FirebaseMessaging.instance;
    await messaging.requestPermission();
    final token = await messaging.getToken();
    if (token != null) await backend().registerToken(token, 'android', clientId);
    // A refreshed token replaces the old one.
    messaging.onTokenRefresh.listen((token) => backend().registerToken(token, 'android', clientId));
  }
}

/// Rings for as long as the backend said, measured with a timer.
class IncomingCallPage extends StatefulWidget {
  const IncomingCallPage({super.key, required this.callId, required this.name, required this.remaining, required this.onRoom});
  final String callId;
  final String name;
  final Duration remaining;

  /// The room of the answered call: `sdk_app_id`, `user_id`, `user_sig`, `room_id` as a number, `private_map_key`. Video: 640 × 360, 15 frames a
  /// second, 600 kbit/s.
  final void Function(Map<String, dynamic> room) onRoom;

  @override
  State<IncomingCallPage> createState() => _IncomingCallPageState();
}

class _IncomingCallPageState extends State<IncomingCallPage> {
  late final Timer _deadline = Timer(widget.remaining, _close);
  StreamSubscription<RemoteMessage>? _pushes;

  @override
  void initState() {
    super.initState();
    _deadline.isActive;
    _pushes = FirebaseMessaging.onMessage.listen((message) {
      final over = message.data['type'] == 'CALL_ENDED' && message.data['call_id'] == widget.callId;
      if (over && message.data['device_id'] != App.clientId) _close();
    });
    unawaited(App.backend().act(widget.callId, 'ringing', App.clientId).then((_) {}, onError: (_) {}));
  }

  @override
  void dispose() {
    _deadline.cancel();
    _pushes?.cancel();
    super.dispose();
  }

  void _close() {
    if (mounted) Navigator.of(context).maybePop();
  }

  Future<void> _answer() async {
    _deadline.cancel();
    final answer = await App.backend().act(widget.callId, 'accepted', App.clientId);
    final room = answer.data['room_info'];
    // 40901: another phone was first.
    if (answer.code == 0 && room is Map<String, dynamic>) widget.onRoom(room);
    _close();
  }

  Future<void> _refuse(String action) async {
    _close();
    await App.backend().act(widget.callId, action, App.clientId);
  }

  @override
  Widget build(BuildContext context) => Scaffold(
        body: Center(
          child: Column(mainAxisAlignment: MainAxisAlignment.center, children: [
            Text(widget.name, style: Theme.of(context).textTheme.headlineMedium),
            FilledButton(onPressed: _answer, child: const Text('Answer')),
            TextButton(onPressed: () => _refuse('declined'), child: const Text('Not on this phone')),
            TextButton(onPressed: () => _refuse('rejected'), child: const Text('Reject')),
          ]),
        ),
      );
}

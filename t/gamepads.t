#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Gamepads: what a program reads from the sockets, byte for byte, and who may
# move them.  The program behaves as the stock preloaded library does.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Pad;
use Selkies::WebSocket;

use IO::Socket::UNIX;
use Socket qw/ SOCK_STREAM SOL_SOCKET SO_RCVBUF /;

my $t = Selkies->new(x => '640x480', workers => 2, timeout => 120);
my $folder = $t->dir() . '/pads';

mkdir $folder;
mkdir "$folder.2";

# reuseport spreads the clients over both workers
$t->simple(listen => 'listen %%PORT_0%% reuseport;', location =>
	"selkies_js_socket_path $folder;", server => <<'EOC');
        location /off/ {
            %%SELKIES%%
            selkies_js_socket_path %%TESTDIR%%/pads;
            selkies_gamepad_enabled off;
        }
        location /none/ {
            %%SELKIES%%
        }
        location /single/ {
            %%SELKIES%%
            selkies_js_socket_path %%TESTDIR%%/pads;
            selkies_enable_player3 off;
        }
        location /watch/ {
            %%SELKIES%%
            selkies_js_socket_path %%TESTDIR%%/pads;
            selkies_role viewer;
        }
EOC

my @names = (map({ "js$_" } 0 .. 3), map { "event$_" } 1000 .. 1003);
my @files = map { "$folder/selkies_$_.sock" } @names;

sub pad { Selkies::Pad->new($folder, @_) }

sub inodes { join ' ', map { (stat)[1] || 0 } @files }

# the interface's own numbers of what is at rest

my @rest = (map({ "init button $_ 0" } 0 .. 10), map({ "init axis $_ "
	. ($_ == 2 || $_ == 5 ? -32767 : 0) } 0 .. 7));

###############################################################################
# files: a socket nobody listens at is replaced, anything else is not touched

{
	my ($ok, $output) = $t->test_conf();

	ok($ok, 'nginx -t') or diag($output);
	is(join(' ', grep { -e } @files), '', 'and it has made no socket');
}

sub stale {
	my ($name) = @_;

	IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $name, Listen => 1)
		or die "$name: $!\n";
}

stale($files[0]);
stale($files[5]);

$t->run();

is(scalar(grep { -S } @files), 8, 'eight sockets');
ok(pad($_), "$_ was left over and is replaced") for qw/ js0 event1001 /;
is(join(' ', map { sprintf '%04o', (stat)[2] & 07777 } @files),
	join(' ', ('0600') x 8), 'only their user may connect');

###############################################################################
# before any client has come: what is said of the pad, and how it is

my $config = pack 'Z256 S5', 'Microsoft X-Box 360 pad', 0x045e, 0x028e, 0x0114,
	11, 8;

$config .= pack 'S512', 0x130, 0x131, 0x133, 0x134, 0x136, 0x137, 0x13a, 0x13b,
	0x13c, 0x13d, 0x13e, (0) x 501;
$config .= pack 'C64', 0 .. 5, 16, 17, (0) x 56;
$config .= "\0" x 6;

for my $name (@names) {
	my $p = pad($name);

	is(unpack('H*', $p->{config}), unpack('H*', $config),
		"$name: 1360 bytes of configuration");
	is($p->take(19, 0.2), $name =~ /^js/ ? join(', ', @rest) : '',
		"$name: all is at rest") if $name =~ /0$/;
}

###############################################################################
# what a client does

my $c = Selkies::WebSocket->controller($t, 640, 480, ack => 0);
my $js = pad('js0');
my $ev = pad('event1000');
my $ev32 = pad('event1000', long => 4);
my $other = pad('js1');

is($js->take(19), join(', ', @rest), 'a joystick begins with its state');
$other->take(19);
is($ev->rest(0.1), '', 'the other interface with nothing');

# does: what the joystick reads, what the other one does

sub does {
	my ($name, $want_js, $want_ev, @messages) = @_;

	$c->send_text(@messages);

	my $n = () = $want_js =~ /,/g;

	is($js->take($want_js eq '' ? 0 : $n + 1), $want_js, "$name: joystick");

	$n = () = $want_ev =~ /,/g;

	is($ev->take($want_ev eq '' ? 0 : $n + 1), $want_ev, "$name: event");
	is($ev32->take($want_ev eq '' ? 0 : $n + 1), $want_ev,
		"$name: event of a 32-bit program");
}

does('connect', '', '', 'js,c,0,' . 'UGFk' . ',4,17');

my @buttons = ([0, 0, 'A'], [1, 1, 'B'], [2, 2, 'X'], [3, 3, 'Y'], [4, 4, 'TL'],
	[5, 5, 'TR'], [8, 6, 'SELECT'], [9, 7, 'START'], [16, 8, 'MODE'],
	[10, 9, 'THUMBL'], [11, 10, 'THUMBR']);

for (@buttons) {
	my ($from, $to, $name) = @$_;

	does("button $from", "button $to 1, button $to 0",
		"key $name 1, syn, key $name 0, syn",
		"js,b,0,$from,1", "js,b,0,$from,0");
}

does('half pressed is pressed', 'button 0 1, button 0 0',
	'key A 1, syn, key A 0, syn', 'js,b,0,0,0.5', 'js,b,0,0,0.49');
does('said twice', 'button 0 1, button 0 0',
	'key A 1, syn, key A 0, syn', 'js,b,0,0,1', 'js,b,0,0,1', 'js,b,0,0,0',
	'js,b,0,0,0');

does('left trigger', 'axis 2 0, axis 2 32767, axis 2 -32767',
	'abs 2 0, syn, abs 2 32767, syn, abs 2 -32767, syn',
	'js,b,0,6,0.5', 'js,b,0,6,1', 'js,b,0,6,0');
does('right trigger', 'axis 5 -16384, axis 5 -32767',
	'abs 5 -16384, syn, abs 5 -32767, syn', 'js,b,0,7,0.25', 'js,b,0,7,0');

for ([0, 0, 0], [1, 1, 1], [2, 3, 3], [3, 4, 4]) {
	my ($from, $to, $code) = @$_;

	does("axis $from", "axis $to 32767, axis $to -32767, axis $to -16384, "
		. "axis $to 0", "abs $code 32767, syn, abs $code -32767, syn, "
		. "abs $code -16384, syn, abs $code 0, syn", "js,a,0,$from,1",
		"js,a,0,$from,-1", "js,a,0,$from,-0.5", "js,a,0,$from,0");
}

does('hat to the left, both, right', 'axis 6 -32767, axis 6 0, axis 6 32767, '
	. 'axis 6 0', 'abs 16 -1, syn, abs 16 0, syn, abs 16 1, syn, abs 16 0, syn',
	'js,b,0,14,1', 'js,b,0,15,1', 'js,b,0,14,0', 'js,b,0,15,0');
does('hat up and down', 'axis 7 -32767, axis 7 0, axis 7 32767, axis 7 0',
	'abs 17 -1, syn, abs 17 0, syn, abs 17 1, syn, abs 17 0, syn',
	'js,b,0,12,1', 'js,b,0,12,0', 'js,b,0,13,1', 'js,b,0,13,0');

does('what is no control of it', 'button 0 1, button 0 0',
	'key A 1, syn, key A 0, syn', 'js,b,0,17,1', 'js,b,0,255,1', 'js,a,0,4,1',
	'js,a,0,255,1', 'js,b,0,0,1', 'js,b,0,0,0');
does('malformed', 'button 0 1, button 0 0',
	'key A 1, syn, key A 0, syn', 'js,b,4,0,1', 'js,b,0,0', 'js,b,0,0,',
	'js,b,0,-1,1', 'js,b,0,256,1', 'js,b,0,0,nan', 'js,b,0,0,1e99', 'js,x,0,0,1',
	'js,a,0,0,0x1', 'js,b,-1,0,1', 'js,,0,0,1', 'js,', 'js', 'js,c,0,a',
	'js,b,0,0,1', 'js,b,0,0,0');

cmp_ok(abs($ev->{time} - time), '<', 5, 'event: the time is that of day');
is($other->rest(), '', 'the second pad has been still');

# what is over before anybody looks, and all of it in its order

my @many = map { my $n = $_; map { "js,b,0,$n,$_" } 1, 0 } (0 .. 5) x 15;

does('180 changes at once',
	join(', ', map { my $n = $_; map { "button $n $_" } 1, 0 } (0 .. 5) x 15),
	join(', ', map { my $n = $_; map { ("key $n $_", 'syn') } 1, 0 }
		(qw/ A B X Y TL TR /) x 15), @many);

###############################################################################
# two programs at one pad, and a state that is not at rest

$c->send_text('js,b,0,0,1', 'js,b,0,6,1', 'js,a,0,3,-1', 'js,b,0,14,1');
$js->take(4);
$ev->take(8);

my $late = pad('js0');

is(join(', ', grep { !/ 0$| -32767$/ || /axis [46]/ } split /, /,
	$late->take(19)), 'init button 0 1, init axis 2 32767, init axis 4 -32767, '
	. 'init axis 6 -32767', 'who opens it late is told what is held');
is(pad('event1000')->take(8), 'key A 1, syn, abs 2 32767, syn, '
	. 'abs 4 -32767, syn, abs 16 -1, syn', 'at the other interface, too');

$c->send_text('js,d,0');

my $released = 'button 0 0, axis 2 -32767, axis 4 0, axis 6 0';

is($js->take(4), $released, 'a pad that is taken off is at rest');
is($late->take(4), $released, 'for both programs');
$late->close();
$ev->rest(0.1);
$ev32->rest(0.1);

###############################################################################
# peers: silent, wrong, chatty, gone, and one that does not read

ok(!pad('js0', quiet => 1)->rest(0.1), 'one that has not answered is told '
	. 'nothing');
ok(pad('js0', long => 5)->ended(), 'sizeof(long) is 4 or 8');
ok(pad('js0', long => 0)->ended(), 'and nothing else');

my $chatty = pad('js0');

$chatty->take(19);
$chatty->send('x');
ok($chatty->ended(), 'a joystick has nothing else to say');

# the stock library passes on what a program writes to a device: that a motor
# shall turn, which it can not, is no reason to take the pad from it

$chatty = pad('event1000');
$chatty->send(pack 'q q S S l', 0, 0, 0x15, $_, 1) for 0, 0x60, 0x61;
$chatty->send(pack 'q q S S l', time, 0, 0x11, 0, 1);
$c->send_text('js,b,0,0,1', 'js,b,0,0,0');
is($chatty->take(4), 'key A 1, syn, key A 0, syn',
	'events that a program writes are nothing');
$js->take(2);
$_->take(4) for $ev, $ev32;
$chatty->close();

$chatty = pad('event1000', long => 4);
$chatty->send(pack 'l l S S l', 0, 0, 0x15, 0, 1) for 1 .. 3;
$c->send_text('js,b,0,0,1', 'js,b,0,0,0');
is($chatty->take(4), 'key A 1, syn, key A 0, syn', 'in a 32-bit program, too');
$js->take(2);
$_->take(4) for $ev, $ev32;
$chatty->close();

for my $flood ("F\0" . "\1" x 6, "\0" x 24) {
	$chatty = pad('event1000');
	$chatty->send($flood x 3000);
	ok($chatty->ended(), 'of which there is a limit');
}

pad('event1000')->close() for 1 .. 100;
does('after a hundred have come and gone', 'button 1 1, button 1 0',
	'key B 1, syn, key B 0, syn', 'js,b,0,1,1', 'js,b,0,1,0');

# a socket takes some hundred events; who reads again hears how it is now

my $lazy = pad('event1000');

setsockopt $lazy->{socket}, SOL_SOCKET, SO_RCVBUF, 4096;

for (1 .. 60) {
	$c->send_text(map { my $n = $_; map { "js,a,0,$n,$_" } 0.5, -0.5, 0.25 }
		0 .. 3);
	$js->take(12);
	$ev->take(24);
	$ev32->take(24);
}

$c->send_text('js,a,0,0,0.125', 'js,b,0,2,1', 'js,b,0,2,0', 'js,b,0,3,1');
is($js->take(4), 'axis 0 4096, button 2 1, button 2 0, button 3 1',
	'one that does not read is in nobody\'s way');

my %last;

while (my $record = $lazy->next(0.3)) {
	$last{$1} = $2 if $record =~ /^(\w+ \w+) (.*)/;
}

ok(!$lazy->{eof}, 'nor is it dropped');
is($last{'abs 0'}, 4096, 'when it reads, it ends up with the state');
is($last{'key Y'}, 1, 'all of it');
$lazy->close();

my @crowd = map { pad('js0') } 1 .. 40;

ok(scalar(grep { $_ && $_->{config} eq '' } @crowd), 'too many are turned away');
is($js->rest(), '', 'and do not disturb');
@crowd = ();
ok(wait_for(sub { my $p = pad('js0'); $p && length $p->{config} }, 3),
	'then there is room again');

$c->send_text('js,d,0');
$_->rest(0.2) for $js, $ev, $ev32;

###############################################################################
# rights

my @spies = map { pad("js$_") } 0 .. 3;

$_->take(19) for @spies;
$js->close();

sub moved {
	return join ' ', map { my $i = $_; map { "$i:$_" }
		split / ?, /, $spies[$i]->rest(0.1) } 0 .. 3;
}

sub all_pads { map { ("js,c,$_,UGFk,4,17", "js,b,$_,0,1", "js,b,$_,0,0") } 0 .. 3 }

sub may {
	my ($name, $ws, @want) = @_;

	$ws->send_text(all_pads());
	ok($ws->round_trip(), "$name stays connected");
	is(moved(), join(' ', map { ("$_:button 0 1", "$_:button 0 0") } @want),
		"$name: pads of " . (@want ? "@want" : 'nobody'));
}

my $v = Selkies::WebSocket->viewer($t);

may('the controller', $c, 0 .. 3);
may('a socket that controls nothing', $v, 1 .. 3);
may('a link page with a slot', Selkies::WebSocket->new($t,
	path => '/websockets?role=viewer&slot=3'), 2);
may('one with a slot that there is not', Selkies::WebSocket->new($t,
	path => '/websockets?role=viewer&slot=1'));
may('one that only watches', Selkies::WebSocket->new($t,
	path => '/api/websockets?role=viewer'));
may('who may only watch', Selkies::WebSocket->new($t,
	path => '/watch/websockets?slot=2'));
may('who may only watch, with a link', Selkies::WebSocket->new($t,
	path => '/watch/websockets?role=viewer&slot=2'));
may('players without the third', Selkies::WebSocket->new($t,
	path => '/single/websockets'), 1, 3);
may('a location without gamepads', Selkies::WebSocket->new($t,
	path => '/off/websockets'));
may('a location without a folder', Selkies::WebSocket->new($t,
	path => '/none/websockets'));


my $told = Selkies::WebSocket->new($t, path => '/none/websockets');

like($told->wait_text(qr/server_settings/),
	qr/"gamepad_enabled":\{"value":false,"locked":true\}/,
	'a client is told where there are no gamepads');

###############################################################################
# what a client holds goes with it, and nothing else

my $hold = 'js,b,1,0,1';

for my $how (qw/ close drop reset /) {
	my $ws = Selkies::WebSocket->viewer($t);

	$ws->send_text($hold, 'js,a,2,0,1');
	is($spies[1]->take(1), 'button 0 1', "$how: held");
	is($spies[2]->take(1), 'axis 0 32767', "$how: held");
	$v->send_text('js,b,3,5,1');
	is($spies[3]->take(1), 'button 5 1', "$how: held by another");

	$how eq 'close' ? $ws->close()
		: $ws->drop($how eq 'reset' ? (reset => 1) : ());

	is($spies[1]->take(1), 'button 0 0', "$how: released");
	is($spies[2]->take(1), 'axis 0 0', "$how: released");
	is($spies[3]->rest(0.1), '', "$how: but for what another holds");

	$v->send_text('js,b,3,5,0');
	$spies[3]->take(1);
}

# who says what it holds must go on saying so

my $beats = Selkies::WebSocket->viewer($t);

$beats->send_text($hold, 'js,h,1');
is($spies[1]->take(1), 'button 0 1', 'heartbeat: held');

my $since = now_ms();

for (1 .. 25) {
	select undef, undef, undef, 0.1;
	$beats->send_text('js,h,1');
}

is($spies[1]->rest(), '', 'as long as it says so');
$since = now_ms();
is($spies[1]->take(1, 6), 'button 0 0', 'then no more');
cmp_ok(now_ms() - $since, '>', 1500, 'some two seconds later');

# one that says nothing of the kind may hold as long as it is there

$v->send_text($hold);
is($spies[1]->take(1), 'button 0 1', 'no heartbeat: held');
is($spies[1]->rest(2.5), '', 'and held');
$v->send_text('js,b,1,0,0');
is($spies[1]->take(1), 'button 0 0', 'until it lets go');

# whoever takes the display over, the former controller's pads rest

$c->send_text('js,b,0,3,1');
is($spies[0]->take(1), 'button 3 1', 'takeover: held');

my $next = Selkies::WebSocket->controller($t, 640, 480, ack => 0);

is($spies[0]->take(1), 'button 3 0', 'takeover: released');

###############################################################################
# a reload leaves the files alone; programs connect again

my $before = inodes();

$t->reload();
ok($t->reloaded(), 'reloaded');
is(inodes(), $before, 'the sockets are the same');
ok($spies[$_]->ended(), "pad $_: the old worker's connection ends") for 0 .. 3;

ok(wait_for(sub { ($js = pad('js1')) && $js->take(19) }, 5),
	'the new worker serves them');

###############################################################################
# kill -9, of who serves the pads and of who has the client

my %of;

for (1 .. 40) {
	my $ws = Selkies::WebSocket->viewer($t, nowait => 1);

	$of{ $t->worker_of($ws) } ||= $ws;
	last if keys %of == 2;
}

is(scalar keys %of, 2, 'a client in each worker');

my ($server, $plain) = sort { $a <=> $b } keys %of;

$of{$plain}->send_text('js,b,1,0,1');
$of{$server}->send_text('js,b,1,1,1');
is(join(', ', sort map { $js->next() } 1, 2), 'button 0 1, button 1 1',
	'both hold a button');

$t->kill_worker($plain);
is($js->take(1, 5), 'button 0 0', 'a killed worker\'s client lets go');
is($js->rest(0.2), '', 'the other one does not');

ok(wait_for(sub { scalar(my @w = $t->workers()) == 2 }, 5), 'two workers');

my $third;

for (1 .. 40) {
	$third = Selkies::WebSocket->viewer($t, nowait => 1);
	last if $t->worker_of($third) != $server;
}

$third->send_text('js,b,1,2,1');
is($js->take(1), 'button 2 1', 'a client of the new worker holds one');

$t->kill_worker($server);
ok($js->ended(5), 'with its server a pad is gone');
ok(wait_for(sub { ($js = pad('js1')) && length $js->{config} }, 5),
	'the next one is there at once');

my @state = split /, /, $js->take(19);

is(join(', ', grep { /button \d+ 1/ } @state), 'init button 2 1',
	'and knows what is held');

###############################################################################
# files that are not ours

my $second = Selkies->new(x => 0);

sub starts {
	my ($name, $folder_of, $re) = @_;

	$second->simple(location => "selkies_js_socket_path $folder_of;");
	$second->run();
	like($second->error_log(), $re, "$name: one line");
	ok($second->stop(), "$name: nginx runs");
	$second->write_file('logs/error.log', '');
}

starts('another nginx', $folder,
	qr/\[warn\].*no gamepads: "\Q$files[0]\E" is served by somebody else/);
is(inodes(), $before, 'the sockets are the same');

my $foreign = "$folder.2/selkies_event1002.sock";

open my $fh, '>', $foreign;
close $fh;

starts('a file', "$folder.2", qr/no gamepads: "\Q$foreign\E" is no socket/);
ok(-f $foreign, 'which is still there');
is(join(' ', glob "$folder.2/*"), $foreign, 'alone');

unlink $foreign;
symlink '/nowhere', $foreign;
starts('a link', "$folder.2", qr/no gamepads: "\Q$foreign\E" is no socket/);
is(readlink $foreign, '/nowhere', 'which is still there');
unlink $foreign;

SKIP: {
	skip 'not root', 2 if $>;

	stale($foreign);
	chown 65534, 65534, $foreign;
	starts('a socket of somebody else', "$folder.2",
		qr/no gamepads: "\Q$foreign\E" belongs to somebody else/);
	unlink $foreign;
}

starts('no folder', "$folder.3", qr/no gamepads: no folder "\Q$folder.3\E"/);

chmod 02770, "$folder.2";
$second->simple(location => "selkies_js_socket_path $folder.2;");
$second->run();
is(sprintf('%04o', (stat "$folder.2/selkies_js0.sock")[2] & 07777), '0660',
	'a folder that hands its group on lets the group in');
ok($second->stop(), 'stopped');
is(join(' ', glob "$folder.2/*"), '', 'nothing is left');

$second->{x} = 0;
$second->cleanup();

Selkies::WebSocket::close_all();
ok($t->stop(), 'stopped');
is(join(' ', glob "$folder/*"), '', 'nothing is left');

$t->done();

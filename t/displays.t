#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# One nginx, many X servers: the display comes from variables, each has its
# own pixels, controller, capture and end; the place of one that nobody uses
# any more serves another; a value that is no display is an answer and a line
# in the log.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => 0, workers => 2, timeout => 240);

my (%s, %n);
my %colour = (one => 'c02020', two => '20a040', three => '2040c0',
	four => 'd0c030');

# X servers of their own, each with a client that draws

sub server {
	my (%o) = @_;

	local @$t{qw/ x_pid number x_socket display xauth /};

	$t->{xauth} = $o{xauth} if $o{xauth};
	$t->start_x(size => '960x540', %o);

	return { pid => $t->{x_pid}, number => $t->{number},
		display => $t->{display}, xauth => $t->{xauth},
		x => $t->x_client() };
}

# The whole screen; a client that resizes it makes it blank.

sub paint {
	my ($name) = @_;

	$s{$name}{x}->draw(0, 0, 960, 540, $colour{$name});
}

# A server that is killed leaves its socket, and its lock to its successor.

sub kill_server {
	my ($s) = @_;

	kill 'KILL', $s->{pid};
	$t->reap($s->{pid}, 5);
	unlink "/tmp/.X11-unix/X$s->{number}", "/tmp/.X$s->{number}-lock";
}

$t->write_cookie('xauth');

my @shared = (xauth => $t->dir() . '/xauth');
%s = map { $_ => server(@shared) } qw/ one two /;

# this one will need its number again
{
	local @$t{qw/ number display xauth /};

	$t->{xauth} = $t->dir() . '/xauth';
	$s{three} = server(@shared, number => $t->reserve_display());
}

# a cookie of its own, which the path in the configuration names
$s{four} = server(xauth => $t->write_cookie('xauth-four'));

%n = map { $_ => $s{$_}{number} } keys %s;

paint($_) for keys %s;

$t->write_file('users', join '', map { "$_:{PLAIN}secret\n" }
	qw/ one two stranger /);

my $xauth = 'selkies_xauthority %%TESTDIR%%/xauth;';

$t->conf(<<"EOC");
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%GLOBALS_HTTP%%
    selkies_streams 3;
    selkies_ring_size 4m;
    selkies_idle 1s;

    map \$arg_desk \$desk {
        one     :$n{one};
        two     :$n{two};
        three   :$n{three};
        four    :$n{four};
        same    unix:0$n{one}.0;
        nobody  "";
        default desk-\$arg_desk;
    }

    map \$arg_desk \$cookie {
        four    -four;
        up      /../xauth;
        default "";
    }

    map \$remote_user \$remote_user_display {
        one     $n{one};
        two     $n{two};
    }

    server {
        listen %%PORT_0%% reuseport;
        root %%TESTDIR%%/html;
        selkies on;

        location / {
            selkies_display \$desk;
            selkies_xauthority %%TESTDIR%%/xauth\$cookie;
        }
        location /raw/ { $xauth selkies_display \$arg_raw; }
        location /number/ { $xauth selkies_display :\$arg_raw; }
        location /user/ {
            $xauth
            auth_basic desk;
            auth_basic_user_file %%TESTDIR%%/users;
            selkies_display :\$remote_user_display;
        }
        location /path/ {
            selkies_display :$n{one};
            selkies_xauthority \$arg_raw;
        }
        location /folder/ {
            $xauth
            selkies_display :$n{one};
            selkies_framebuffer %%TESTDIR%%/\$arg_raw;
        }
    }
}
EOC

$t->run();

sub controller {
	my ($name, %o) = @_;

	return Selkies::WebSocket->controller($t, 960, 540,
		path => "/websockets?desk=$name", %o);
}

sub viewer {
	my ($name, %o) = @_;

	return Selkies::WebSocket->viewer($t, path => "/websockets?desk=$name",
		%o);
}

sub status_of {
	my ($path, %o) = @_;

	my $ws = Selkies::WebSocket->new($t, path => $path, %o);
	my $status = $ws->status();

	$ws->drop();

	return $status;
}

sub api {
	my ($name) = @_;

	return $t->http_get("/api/status?desk=$name");
}

# A close picture of the colour everywhere: pixels of one display only.

sub shows {
	my ($ws, $colour, $timeout) = @_;

	return $ws->wait_picture(sub {
		return !grep { $_[0]->distance(@$_, $colour) > 12 }
			[ 20, 20 ], [ 480, 270 ], [ 940, 520 ];
	}, $timeout || 8);
}

###############################################################################
# before anybody came

like(api('one'), qr/^HTTP\/1.1 200.*"state":"off","width":0/s,
	'status of a display nobody watches');
like($t->http_get('/health/ready?desk=one'), qr/^HTTP\/1.1 200/,
	'ready: its X server is there');
like($t->http_get('/health/ready?desk=what'), qr/^HTTP\/1.1 503/,
	'not ready: no such display');
is($t->error_log() =~ /selkies_display/, '', 'and no line for that');

###############################################################################
# every display its own

my %c = map { $_ => controller($_) } qw/ one two three /;

for my $name (qw/ one two three /) {
	ok(shows($c{$name}, $colour{$name}), "$name: its own pixels");
	$s{$name}{x}->events();
}

for my $name (qw/ one two three /) {
	$c{$name}->send_text('kd,97', 'ku,97');
	ok($s{$name}{x}->wait(qr/^key press \d+ 0x61/, 5), "$name: its own keys");
	ok(wait_for(sub { !$s{$name}{x}->keys() }, 2), "$name: released");

	for my $other (grep { $_ ne $name } qw/ one two three /) {
		is(scalar(() = $s{$other}{x}->events()), 0, "and not to $other");
	}

	$s{$name}{x}->events();
}

is(scalar(grep { $_->is_open() } values %c), 3, 'three controllers at once');

# sizes are their own, too

$c{two}->send_text('r,640x480,primary');
ok($c{two}->wait_frame(key => 1, w => 640, h => 480), 'one is resized');
is($s{two}{x}->size(), '640x480', 'its X is');
is($s{one}{x}->size(), '960x540', 'another one is not');
like(api('two'), qr/"state":"ready","width":640,"height":480,"watchers":1,/,
	'status tells of the one');
like(api('one'), qr/"state":"ready","width":960,"height":540,"watchers":1,/,
	'and the other');

# viewers in both workers, whoever captures

my (%of, @viewers);

for (1 .. 60) {
	for my $name (qw/ one three /) {
		my $ws = viewer($name);

		push @viewers, [ $name, $ws ];
		$of{$name}{ $t->worker_of($ws) } = $ws;
	}

	last if keys %{ $of{one} } == 2 && keys %{ $of{three} } == 2;
}

is(scalar(map { keys %$_ } values %of), 4, 'viewers of two in both workers');
is(scalar(grep { !shows($_->[1], $colour{ $_->[0] }) } @viewers), 0,
	'each sees what it asked for');

for my $name (qw/ one three /) {
	$s{$name}{x}->draw(200, 200, 100, 100, '80ff80');
	is(scalar(grep { !$_->wait_pixel(250, 250, '80ff80') }
		values %{ $of{$name} }), 0, "$name: a change reaches both workers");
}

is($c{two}->picture()->distance(250, 250, '80ff80') > 40, 1,
	'and nobody else');

# one display however it is written

my $same = viewer('same');
my ($watchers) = api('one') =~ /"watchers":(\d+)/;

ok(shows_box($same), 'the same display in another spelling');
is($watchers, 2 + grep({ $_->[0] eq 'one' } @viewers), 'is the same stream');

sub shows_box { return $_[0]->wait_pixel(250, 250, '80ff80') }

$same->close();

###############################################################################
# no more than there are places

is(status_of('/websockets?desk=four'), 503, 'one too many: 503');
like($t->error_log(), qr/\[error\].*no place for display ":$n{four}": raise/,
	'and a line');
like(api('four'), qr/^HTTP\/1.1 200.*"state":"off"/s, 'its status needs none');
is(scalar(grep { !$_->is_open() } values %c), 0, 'the others do not care');

# who asks for a place again and again gets none, and leaks nothing

is(scalar(grep { status_of('/websockets?desk=four') != 503 } 1 .. 20), 0,
	'so it stays');

# one lets go: its place serves the next, after the idle time

my $old = $t->error_log();

$c{two}->close();
is(status_of('/websockets?desk=four'), 503, 'its place is kept for a while');

my $four;

ok(wait_for(sub {
	my $ws = Selkies::WebSocket->new($t, path => '/websockets?desk=four');

	$four = $ws, return 1 if $ws->status() == 101;
	$ws->drop();

	return 0;
}, 15), 'then another display gets it');

like(substr($t->error_log(), length $old),
	qr/display ":$n{two}" is let go: nobody uses it/, 'the log says so');

$four->send_text(Selkies::WebSocket::settings(960, 540), 'cr');
$four->{auto_ack} = 1;
ok($four->wait_frame(key => 1, w => 960, h => 540, timeout => 10),
	'a key frame');
ok($four->picture()->distance(20, 20, $colour{two}) > 40,
	'not of whose place it was');
ok(shows($four, $colour{four}), 'its own pixels, by its own cookie');
like(api('four'), qr/"width":960,"height":540,"watchers":1,"controlled":true/,
	'and its own state');
is(status_of('/websockets?desk=two'), 503, 'now there is none for the other');

$s{four}{x}->events();
$four->send_text('kd,98', 'ku,98');
ok($s{four}{x}->wait(qr/^key press \d+ 0x62/, 5), 'keys go there');

###############################################################################
# values that are no display

for my $row (
	[ '/websockets?desk=nobody', qr/"selkies_display" is empty/ ],
	[ '/websockets?desk=what', qr/is "desk-what", which is not a local X/ ],
	[ '/raw/websockets', qr/"selkies_display" is empty/ ],
	[ '/raw/websockets?raw=:', qr/is ":", which/ ],
	[ '/raw/websockets?raw=:1x', qr/is ":1x", which/ ],
	[ '/raw/websockets?raw=:-1', qr/is ":-1", which/ ],
	[ '/raw/websockets?raw=:1.', qr/is ":1\.", which/ ],
	[ '/raw/websockets?raw=:1.1.1', qr/is ":1\.1\.1", which/ ],
	[ '/raw/websockets?raw=:65536', qr/is ":65536", which/ ],
	[ '/raw/websockets?raw=:99999999999999999999', qr/is ":9{20}", which/ ],
	[ '/raw/websockets?raw=10.0.0.1:1', qr/is "10\.0\.0\.1:1", which/ ],
	[ '/raw/websockets?raw=localhost:1', qr/is "localhost:1", which/ ],
	[ '/raw/websockets?raw=/tmp/socket:1', qr/is "\/tmp\/socket:1", which/ ],
	[ '/raw/websockets?raw=:1%0a', qr/is ":1%0a", which/ ],
	[ '/raw/websockets?raw=:' . '0' x 5000, qr/is ":0{63}\.\.\.", which/ ],
	[ "/raw/websockets?raw=:\x80\xff1", qr/is ":\?\?1", which/ ],
	[ '/number/websockets?raw=1:2', qr/is ":1:2", which/ ],
	[ '/path/websockets?raw=xauth', qr/"selkies_xauthority" is "xauth", wh/ ],
	[ '/path/websockets?raw=/a/../b', qr/is "\/a\/\.\.\/b", which is not an/ ],
	[ '/path/websockets?raw=/..', qr/is "\/\.\.", which/ ],
	[ '/path/websockets?raw=/' . 'a' x 2000, qr/is "\/a{63}\.\.\.", which/ ],
	[ '/folder/websockets?raw=../x', qr/"selkies_framebuffer" is "/ ],
	[ '/websockets?desk=up', qr/"selkies_(?:display|xauthority)" is "/ ])
{
	my ($path, $re) = @$row;
	my $from = length $t->error_log();

	is(status_of($path), 404, '404: ' . substr($path, 0, 60)
		=~ s/[^ -~]/?/gr);
	like(substr($t->error_log(), $from), qr/\[error\].*$re/, 'and a line');
}

like($t->http_get('/raw/api/status?raw=no'), qr/^HTTP\/1.1 404/,
	'status: 404');
is(scalar(grep { !$_->is_open() } @c{qw/ one three /}, $four), 0,
	'nothing of it disturbs anybody');

# a line feed in a user's name comes from Basic credentials

is(status_of('/user/websockets', auth => 'stranger:secret'), 404,
	'a user without a display');
is(status_of('/user/websockets', auth => "one\n:secret"), 401,
	'a user who is none');
is(status_of('/user/websockets'), 401, 'nobody');

# the display of a user who logged in

my $user = Selkies::WebSocket->viewer($t, path => '/user/websockets',
	auth => 'one:secret');

ok(shows_box($user), 'a user has the display of his name');
$user->close();

###############################################################################
# one X server dies

kill_server($s{three});
$c{three}->forget();
$c{one}->forget();
$s{one}{x}->draw(600, 100, 100, 100, 'ff80ff');
ok($c{one}->wait_pixel(650, 150, 'ff80ff', 3), 'another display goes on');
$s{four}{x}->draw(600, 100, 100, 100, '80ffff');
ok($four->wait_pixel(650, 150, '80ffff', 3), 'and so does the third');
ok(wait_for(sub { api('three') =~ /"state":"no_display"/ }, 5),
	'whose X died says so');
like(api('one'), qr/"state":"ready"/, 'the others are well');
ok($c{three}->is_open(), 'its client stays');

{
	# the same number again, as a restarted service has
	my $s = server(@shared, number => $n{three});

	$s{three} = $s;
	paint('three');
	ok(shows($c{three}, $colour{three}, 15), 'it is back with its X server');
}

###############################################################################
# reload: everybody comes again to his own

my @before = $t->workers();

$t->reload();
ok($_->wait_close(8), 'told of the reload') for @c{qw/ one three /}, $four;
$_->drop() for values %c, $four, map { $_->[1] } @viewers;

ok(wait_for(sub {
	my %old = map { $_ => 1 } @before;
	my @now = $t->workers();

	return @now == 2 && !grep { $old{$_} } @now;
}, 10), 'new workers');

%c = map { $_ => controller($_) } qw/ one three four /;
ok(shows($c{three}, $colour{three}), 'three after the reload');
ok($c{one}->wait_pixel(650, 150, 'ff80ff'), 'one after the reload');
ok($c{four}->wait_pixel(650, 150, '80ffff'), 'four after the reload');

###############################################################################
# the owner is killed: another worker captures all displays

my $stays;

@viewers = ();

for (1 .. 40) {
	$stays = viewer('one');
	push @viewers, [ 'one', $stays ];
	last if $t->worker_of($stays) != $t->owner();
}

$stays->forget();
$t->kill_worker($t->owner());
$s{one}{x}->draw(100, 400, 50, 50, 'ffffff');
ok($stays->wait_pixel(125, 425, 'ffffff', 8), 'another owner goes on');

for my $name (grep { !$c{$_}->is_open() } keys %c) {
	$c{$name}->drop();
	$c{$name} = controller($name);
}

$s{$_}{x}->draw(100, 400, 50, 50, 'ffffff') for keys %c;
ok($c{$_}->wait_pixel(125, 425, 'ffffff', 8), "$_ after the kill")
	for sort keys %c;

###############################################################################
# all go: every engine ends, every place is free

$_->close() for values %c, map { $_->[1] } @viewers;

# but the one that waits to become the owner

sub our_threads {
	return grep { /^selkies-/ && !/^selkies-owner/ }
		map { my $p = $_; map { $t->read_file($_) }
			glob "/proc/$p/task/*/comm" } $t->workers();
}

ok(wait_for(sub { !our_threads() }, 15), 'no thread is left after selkies_idle')
	or diag(our_threads());

my @again = map { viewer($_) } qw/ two three four /;

paint('two');
ok(shows($again[0], $colour{two}), 'a display that waited has a place');
is(scalar(grep { !$_->is_open() } @again), 0, 'three again');
$_->close() for @again;

for (values %s) {
	$_->{x}->quit();
	kill 'TERM', $_->{pid};
	$t->reap($_->{pid}, 5);
}

$t->done();
